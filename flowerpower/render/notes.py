"""What a plan says beside its changes: where it comes from, guards, warnings, what is left alone, the counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowerpower.planning.plan import Change, Check, InFlight, Plan
from flowerpower.planning.renames import likely_renames
from flowerpower.render.fields import show
from flowerpower.render.style import Emphasis, Style
from flowerpower.render.words import count, listed, moment_with_utc, rough_duration, safe, short, typed, wrap
from flowerpower.state.desired import room_to_wait
from flowerpower.state.models import REFUSALS, Hold, Json, refusal

_FEW = 5


def origin(plan: Plan) -> str:
    """Return which namespace goes from which commit to which."""
    wanted = short(plan.source.commit) if plan.source.commit else "the specs"
    if plan.against:
        return f"{plan.namespace}: {short(plan.against)} -> {wanted}, compared in git, not with Redis"
    if not plan.head.generation:
        return f"{plan.namespace}: nothing applied yet -> {wanted}"
    live = short(plan.head.commit) if plan.head.commit else "unknown"
    if plan.source.rollback_of:
        back = short(plan.source.commit) or "nothing applied yet"
        undone = safe(listed([apply_id[:8] for apply_id in plan.source.undoes]))
        return f"{plan.namespace}: {live} (apply {plan.head.generation}) -> back to {back}, undoing apply {undone}"
    return f"{plan.namespace}: {live} (apply {plan.head.generation}) -> {wanted}"


def summary(plan: Plan) -> str:
    """Return the last line of a plan, in Terraform's words."""
    beside = [
        f"{number} {word}"
        for number, word in (
            (sum(plan.unmanaged.values()), "unmanaged"),
            (len(plan.held), "held"),
            (plan.left_out, "not shown"),
        )
        if number
    ]
    extra = f" {', '.join(beside)}." if beside else ""
    if not plan.changes:
        return f"No changes.{extra}"
    taken = f"{plan.imported} to import, " if plan.imported else ""
    add, destroy = plan.count("create"), plan.count("delete")
    return f"Plan: {taken}{add} to add, {plan.changed} to change, {destroy} to destroy.{extra}"


def in_flight_words(change: Change) -> tuple[str, ...]:
    """Return what becomes of queued and running runs of a changed schedule, and of ticks behind them, if any."""
    return (*fate_words(change.in_flight, change.cancels), *_waiting_ticks(change))


def _waiting_ticks(change: Change) -> tuple[str, ...]:
    waiting = change.in_flight.waiting
    if not waiting:
        return ()
    if change.after is None:
        fate = "cancelled with the schedule"
    elif change.cancels:
        fate = "to be cancelled (on_inflight: cancel)"
    elif change.after.fields.get("overlap") == "skip":
        fate = "to be skipped (overlap: skip)"
    else:
        fate = f"to run with the new spec{_crowded(change.after.fields, waiting)}"
    return (f"waiting for the run before: {count(waiting, 'tick')}, {fate}",)


def _crowded(fields: Mapping[str, Json], waiting: int) -> str:
    """Say how many ticks there will be no room for."""
    room = room_to_wait(fields)
    return f", but for the {waiting - room} oldest, to be skipped" if 0 < room < waiting else ""


def fate_words(runs: InFlight, cancelled: bool) -> tuple[str, ...]:
    """Return how many runs are queued and running, and what becomes of them, if there are any."""
    parts = [f"{number:,} {word}" for number, word in ((runs.running, "running"), (runs.queued, "queued")) if number]
    if not parts:
        return ()
    kept = f"kept with the spec {'it was' if runs.queued + runs.running == 1 else 'they were'} made from"
    fate = "to be cancelled (on_inflight: cancel)" if cancelled else kept
    return (f"in flight: {' and '.join(parts)}, {fate}",)


def lost_hold_words(change: Change, plan: Plan) -> tuple[str, ...]:
    """Return what becomes of the hold of a schedule that is deleted, if it has one."""
    hold = plan.held.get(change.name) if change.kind == "schedule" and change.action == "delete" else None
    if hold is None:
        return ()
    why = f' "{safe(hold.why)}"' if hold.why else ""
    return (f"paused by {safe(hold.who) or 'somebody'}{why}; that hold is deleted with it",)


def held_words(hold: Hold, plan: Plan, name: str) -> str:
    """Return who holds a schedule, why and until when, and that apply leaves the hold alone."""
    schedule = plan.after.schedules.get(name)
    timezone = str(schedule.fields.get("timezone", "UTC")) if schedule else "UTC"
    why = f' "{safe(hold.why)}"' if hold.why else ""
    until = f" until {moment_with_utc(hold.until, timezone, plan.read_at)}" if hold.until else ""
    ago = rough_duration(max(0, plan.read_at - hold.since))
    return f"paused by {safe(hold.who) or 'somebody'} {ago} ago{why}{until}; apply leaves it held"


def notes(plan: Plan, width: int, style: Style) -> list[list[str]]:
    """Return the blocks of lines that follow the changes."""
    warned = [check for check in plan.checks if check.verdict == "warn"]
    blocks = [[line for check in warned for line in _check_lines(check, width, style)]]
    blocks.append(
        [line for sentence in side_notes(plan) for line in wrap(style(f"Note: {sentence}", "hint"), width, " " * 6)]
    )
    if plan.refused:
        title = style("Apply would be refused:", "error")
        blocks.append([title, *(line for check in plan.refused for line in _check_lines(check, width, style))])
    return blocks


def side_notes(plan: Plan) -> list[str]:
    """Return what is good to know and asks for nothing: what is left alone, and what could not be compared."""
    found = [*_left_alone(plan), *_likely_renames(plan)]
    if plan.partial:
        found.insert(
            0, "this is a part of the plan: it cannot be saved, approved or applied; guards judge the whole plan"
        )
    if plan.source.commit.startswith("tree:"):
        found.append("outside git: commits cannot be compared, guards `older` and `dirty` do not apply")
    before = plan.head.rules
    if before.guards and (before.guards, before.policies) != (plan.rules.guards, plan.rules.policies):
        found.append("`guards:` or house rules change with this apply; the stricter of old and new were asked here")
    if plan.against:
        found.append("compared with a git revision: what is held, running, or altered in Redis does not show")
    refused = refusal(plan.consumers.troubles)
    for text in map(safe, plan.consumers.troubles):
        found.append(text if text.startswith(REFUSALS) else f"the scheduler reports: {text}")
    if not plan.against and plan.changes and not plan.consumers.scheduler and not refused:
        start = typed("flowerpower worker", plan.env)
        found.append(f"no scheduler is alive; nothing fires until one runs: {start}")
    return found


def _left_alone(plan: Plan) -> Iterator[str]:
    if plan.unmanaged:
        jobs = count(sum(plan.unmanaged.values()), "scheduled job")
        yield f"{jobs} not managed by flowerpower, left alone: queue {safe(listed(sorted(plan.unmanaged)))}"
    if plan.forgotten:
        number = count(len(plan.forgotten), "schedule")
        are = "it is" if len(plan.forgotten) == 1 else "they are"
        yield f"{number} forgotten, so left as {are}: {safe(listed(plan.forgotten))}"
    if plan.firing:
        yield f"firing right now, so not compared with their jobs: {safe(listed(plan.firing))}"


def _likely_renames(plan: Plan) -> Iterator[str]:
    found = likely_renames(plan.changes)
    created = {change.name: change.place.partition(":")[0] for change in plan.changes if change.action == "create"}
    for one in found[:_FEW]:
        others = f"; its {safe(listed(one.differs))} {'differs' if len(one.differs) == 1 else 'differ'}"
        spec = others if one.differs else "; the spec is the same"
        file = f" in {safe(created[one.new])}" if created[one.new] else f" in the spec of {safe(one.new)}"
        yield (
            f"schedule {safe(one.old)} looks renamed to {safe(one.new)}{spec}. To keep its last fire, history and "
            f"holds, write `previous_names: [{show('name', one.old)}]`{file}"
        )
    if len(found) > _FEW:
        yield f"{count(len(found) - _FEW, 'more schedule')} {'looks' if len(found) == _FEW + 1 else 'look'} renamed too"


def _check_lines(check: Check, width: int, style: Style) -> list[str]:
    mark: str
    emphasis: Emphasis
    mark, emphasis = ("x", "error") if check.verdict == "refuse" else ("!", "warning")
    head = f"{mark} {check.name}:"
    lines = wrap(f"  {head} {safe(check.message)}", width, "    ")
    lines[0] = lines[0].replace(head, f"{style(mark, emphasis)} {style(head[2:], 'strong')}", 1)
    return lines + [
        style(line, "faint") for line in wrap(f"    {safe(style(check.hint, 'hint'))}", width, "    ") if check.hint
    ]
