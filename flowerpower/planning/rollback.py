"""A rollback as a plan like any other: the state just before an apply, put together from what undoes it and every
later one.

Values in, values out. Only what those applies touched is looked at, and not what was forgotten since, unless a rollback
that is undone had given it up; whatever else is live stays as it is.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from flowerpower.errors import FormatError, HistoryError, StalePlanError
from flowerpower.planning.diff import make_plan
from flowerpower.planning.guards import Allowed, Facts, check_plan
from flowerpower.planning.plan import Check, Plan
from flowerpower.state.codec import decode_hold, decode_pipeline, decode_schedule, pipeline_digest, schedule_digest
from flowerpower.state.desired import describe_run, occurrence_at, trigger_of
from flowerpower.state.keys import Keys
from flowerpower.state.live import altered_addresses
from flowerpower.state.models import (
    Desired,
    Head,
    Inverse,
    PastApply,
    Pipeline,
    Reading,
    Record,
    Schedule,
    Source,
    State,
    Step,
)

T = TypeVar("T")
_SHOWN = 5
_COMMITS_KEPT = 50


@dataclass(frozen=True, slots=True)
class RollbackContext:
    """Where a rollback is asked for: who asks in which repository, what git says, and the overrides given."""

    source: Source
    facts: Facts
    allowed: Allowed


@dataclass(frozen=True, slots=True)
class _Restored:
    """What the undone applies had touched, as it was before them."""

    desired: Desired
    scope: frozenset[str]  # addresses
    made_by: Mapping[str, PastApply]  # address that was not there -> the apply that made it
    holds: Mapping[str, str]  # schedule that is not live -> text of the hold that was deleted with it
    altered: tuple[str, ...]  # addresses whose record had been altered in Redis by then
    taken_back: tuple[str, ...]  # schedules that had been forgotten before one of the applies, sorted
    mixed: tuple[tuple[str, str, str], ...]  # name before a rename, name since, which another one gets back, its apply


def plan_rollback(keys: Keys, steps: Sequence[Step], reading: Reading, context: RollbackContext) -> Plan:
    """Return the checked plan that undoes *steps*, given from the newest apply back to the one that is named.

    Raises `HistoryError` when one of them cannot be undone, `StalePlanError` when an apply came in between.
    """
    undone = _unbroken(steps, reading.head)
    restored = _restored(keys, undone, reading)
    holds = {name: decode_hold(text.encode()) for name, text in restored.holds.items()}
    narrowed = replace(
        reading, state=_part(reading.state, restored.scope, inside=True), holds={**holds, **reading.holds}
    )
    plan = make_plan(keys, restored.desired, narrowed, _source_of(undone, reading.head, context.source))
    rest = _part(reading.state, restored.scope, inside=False)
    plan = replace(
        plan,
        changes=tuple(replace(change, why=_why(restored.made_by.get(change.address))) for change in plan.changes),
        after=State({**rest.schedules, **plan.after.schedules}, {**rest.pipelines, **plan.after.pipelines}),
        held={**{name: hold for name, hold in reading.holds.items() if name in rest.schedules}, **plan.held, **holds},
        returning_holds=restored.holds,
    )
    asked_in = replace(plan, source=replace(plan.source, repository=context.source.repository))
    guards = check_plan(asked_in, reading, context.facts, context.allowed)
    return replace(plan, checks=(*map(_worded, guards), *_mixed_warning(restored), *_warnings(plan, restored, reading)))


def still_rolled_back(head: Head, commit: str, *, undone: bool | None) -> tuple[str, ...]:
    """Return which commits stay refused once *commit* is applied over *head*.

    A commit that comes before them (*undone*) lifts nothing; one of them, applied all the same, lifts itself and what
    is older; any other one lifts them all.
    """
    if _base(commit) == _base(head.commit):
        return head.rolled_back
    if not undone:
        return ()
    bases = [_base(refused) for refused in head.rolled_back]
    return head.rolled_back[: bases.index(_base(commit))] if _base(commit) in bases else head.rolled_back


def _unbroken(steps: Sequence[Step], head: Head) -> list[tuple[PastApply, Inverse]]:
    """Return the steps if they lead from what is in force back to the last of them without a gap."""
    found = []
    for distance, (past, inverse) in enumerate(steps):
        number = head.generation - distance
        if isinstance(inverse, HistoryError):
            raise _gap(f"apply {_short(past) or number} cannot be rolled back: {inverse}", steps)
        if past.generation > number:
            raise StalePlanError("another apply came just now", hint="run it again and look at what changed")
        if past.generation < number:
            raise _gap(f"apply number {number} is not in the history, and it must be undone first", steps)
        found.append((past, inverse))
    return found


def _gap(message: str, steps: Sequence[Step]) -> HistoryError:
    commit = steps[-1][0].before.commit
    there = commit if commit and ":" not in commit and "+" not in commit else "COMMIT"
    return HistoryError(message, hint=f"go back with git instead: flowerpower apply --ref {there} --allow-older-commit")


def _restored(keys: Keys, undone: Sequence[tuple[PastApply, Inverse]], reading: Reading) -> _Restored:
    objects: dict[str, bytes | None] = {}
    run_specs: dict[str, str] = {}
    made_by: dict[str, PastApply] = {}
    lifted: dict[str, str] = {}
    taken_back: set[str] = set()
    names: dict[str, str] = {}  # live -> as it will be again
    for past, inverse in undone:  # from the newest: what an older one says of an object wins
        names = {live: inverse.renamed.get(then, then) for live, then in {**_same(inverse.renamed), **names}.items()}
        objects |= inverse.objects
        run_specs |= inverse.run_specs
        made_by |= {address: past for address, raw in inverse.objects.items() if raw is None}
        lifted = {**_as_before(lifted, inverse), **past.holds}
        taken_back = {*_as_before(dict.fromkeys(taken_back), inverse), *past.taken_back}
    forgotten = reading.forgotten - {name for past, _ in undone for name in past.given_up}
    left = forgotten | {names[name] for name in forgotten & names.keys()}
    objects = {address: raw for address, raw in objects.items() if address.removeprefix("schedule.") not in left}
    found = {address: read_object(address, raw) for address, raw in objects.items() if raw is not None}
    schedules = {one.name: _checked(keys, one, run_specs) for one, _ in found.values() if isinstance(one, Schedule)}
    pipelines = {one.name: one for one, _ in found.values() if isinstance(one, Pipeline)}
    places = {address: record.place for address, (_, record) in found.items()}
    live = reading.state.schedules
    return _Restored(
        desired=Desired(
            State(schedules, pipelines), run_specs, places, {then: (live,) for live, then in names.items()}
        ),
        scope=frozenset(objects),
        made_by={address: past for address, past in made_by.items() if objects.get(address, b"") is None},
        holds={
            name: text
            for name, text in lifted.items()
            if name in schedules and name not in live and _holds_at(text, reading.now)
        },
        altered=tuple(sorted(address for address, (_, record) in found.items() if not record.intact)),
        taken_back=tuple(sorted(taken_back & schedules.keys())),
        mixed=tuple(_mixed(undone, {then: now for now, then in names.items() if now in schedules}, schedules, live)),
    )


def read_object(address: str, raw: bytes) -> tuple[Schedule | Pipeline, Record]:
    """Return an object as a raw record of the past describes it; raise `HistoryError` if it cannot be read.

    One that had been altered gets the identity that it really had, since nothing says what it was before.
    """
    kind, _, name = address.partition(".")
    try:
        if kind == "pipeline":
            pipeline, record = decode_pipeline(name, raw)
            identity = pipeline.digest or pipeline_digest(name, pipeline.fields, pipeline.code)
            return replace(pipeline, digest=identity), record
        schedule, record = decode_schedule(name, raw)
        if not record.intact:
            timing = trigger_of(schedule.fields).key
            identity = schedule_digest(name, schedule.fields, timing, schedule.basis)
            schedule = replace(schedule, timing=timing, digest=identity)
    except (FormatError, ValueError, TypeError) as error:
        raise HistoryError(f"{address} cannot be read as it was then") from error
    return schedule, record


def _checked(keys: Keys, schedule: Schedule, run_specs: Mapping[str, str]) -> Schedule:
    """Return the schedule if it can be put back: its trigger and fields are sound and its run spec is known."""
    address = f"schedule.{schedule.name}"
    try:
        trigger_of(schedule.fields)
        occurrence_at(keys, schedule, 0)
        describe_run(schedule, 0)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise HistoryError(f"{address} cannot be put back: it had been altered in Redis beyond use") from error
    if schedule.run not in run_specs:
        raise HistoryError(f"{address} cannot be put back: what its runs run was not kept")
    return schedule


def _mixed(
    undone: Sequence[tuple[PastApply, Inverse]],
    names: Mapping[str, str],
    schedules: Container[str],
    live: Container[str],
) -> Iterator[tuple[str, str, str]]:
    """Yield the renames that cannot be undone since the name is given back to who had it: one step cannot do both."""
    for then, now in sorted(names.items()):
        if then in schedules and then not in live and now in live:
            past = next(past for past, inverse in reversed(undone) if then in inverse.renamed.values())
            yield then, now, _short(past)


def _as_before(values: Mapping[str, T], inverse: Inverse) -> dict[str, T]:
    """Return what is said of schedules by the names that they had before an apply."""
    return {inverse.renamed.get(name, name): value for name, value in values.items()}


def _same(renamed: Mapping[str, str]) -> dict[str, str]:
    return {name: name for name in renamed}


def _holds_at(text: str, now: int) -> bool:
    until = decode_hold(text.encode()).until
    return not isinstance(until, int) or until > now


def _part(state: State, scope: frozenset[str], *, inside: bool) -> State:
    return State(
        {name: found for name, found in state.schedules.items() if (f"schedule.{name}" in scope) == inside},
        {name: found for name, found in state.pipelines.items() if (f"pipeline.{name}" in scope) == inside},
    )


def _source_of(undone: Sequence[tuple[PastApply, Inverse]], head: Head, asked: Source) -> Source:
    """Return the commit that was in force, and those that are refused from now on."""
    named, _ = undone[-1]
    return Source(
        commit=named.before.commit,
        repository=named.before.repository,
        who=asked.who,
        rolled_back=tuple(_refused(undone, head))[:_COMMITS_KEPT],
        undoes=tuple(past.apply_id for past, _ in undone),
    )


def _refused(undone: Sequence[tuple[PastApply, Inverse]], head: Head) -> Iterator[str]:
    """Return every commit that was in force since, newest first, also those whose apply changed nothing.

    Where a rollback is undone, the commit that it had gone back to is none of them: nobody found fault with that one.
    """
    restored = undone[-1][0].before
    in_force = [head.commit, *(commit for past, _ in undone for commit in (past.commit, past.before.commit))]
    gone_back_to = {_base(past.commit) for past, _ in undone if past.rollback_of}
    applied = {_base(past.commit) for past, _ in undone if not past.rollback_of}
    since = [commit for commit in in_force if _base(commit) not in gone_back_to - applied]
    seen = {"", _base(restored.commit)}
    for commit in (*since, *restored.rolled_back):
        if _base(commit) not in seen:
            seen.add(_base(commit))
            yield commit


def _worded(check: Check) -> Check:
    """Return what a guard says, in the words of a rollback where its own speak of specs."""
    if check.name != "empty":
        return check
    owned = check.message.partition("; ")[2]
    return replace(check, message=f"nothing was live before that apply, {owned}", hint="if it is meant: --allow-empty")


def _mixed_warning(restored: _Restored) -> Iterator[Check]:
    if not restored.mixed:
        return
    then, now, apply_id = restored.mixed[0]
    more = f" (and {len(restored.mixed) - 1:,} more)" if len(restored.mixed) > 1 else ""
    told = f"{then} starts anew: its history and its hold stay with {now}, which is what it was{more}"
    yield Check("renames", "warn", told, f"to give them back, undo the rename first: flowerpower rollback {apply_id}")


def _warnings(plan: Plan, restored: _Restored, reading: Reading) -> Iterator[Check]:
    codes = [
        f"{change.name} ({change.after.code[:7]})"
        for change in plan.changes
        if isinstance(change.after, Pipeline) and getattr(change.before, "code", None) != change.after.code
    ]
    if codes:
        yield Check(
            "code",
            "warn",
            f"other code belongs to pipeline{'s' if len(codes) > 1 else ''} {_listed(codes)}: workers run the modules "
            f"that lie on their disks, and mark runs of other code (with `code: git` they fetch it)",
            f"deploy {plan.source.commit[:12] or 'the code of that time'} to the workers too",
        )
    if restored.altered:
        yield Check(
            "altered",
            "warn",
            f"had been altered in Redis before it was undone: {_listed(restored.altered)}; it comes back altered",
            "compare it with git afterwards: flowerpower plan",
        )
    if restored.taken_back:
        names = _listed(restored.taken_back)
        yield Check(
            "forgotten",
            "warn",
            f"forgotten until an apply that is undone took them back, and managed from here on: {names}; an apply of "
            f"specs without them deletes them",
            f"flowerpower forget {' '.join(restored.taken_back)}",
        )
    drifted = [address for address in altered_addresses(reading.records) if address not in restored.scope]
    if drifted:
        yield Check(
            "drift",
            "warn",
            f"altered in Redis, untouched by what is undone and left as it is: {_listed(sorted(drifted))}",
            "flowerpower plan shows it",
        )


def _why(made_by: PastApply | None) -> str:
    return f"came with apply {_short(made_by)}" if made_by else ""


def _short(past: PastApply) -> str:
    return past.apply_id[:8]


def _base(commit: str) -> str:
    return commit.removesuffix("+dirty")


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    rest = len(found) - _SHOWN
    return ", ".join(found[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
