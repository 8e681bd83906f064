"""One run in full: how it stands, why, where its time went, what it made; as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.render.records import EMPHASIS, clean_reason, code_words, env_of_run, record_dict, short_run
from flowerpower.render.runs import files_lines, outputs_lines
from flowerpower.render.style import Style, plain
from flowerpower.render.times import times_lines
from flowerpower.render.words import (
    clock,
    count,
    cut,
    iso,
    local,
    moment,
    moment_with_utc,
    rough_duration,
    safe,
    short,
    stopwatch,
    typed,
    value_text,
    wrap,
)
from flowerpower.state.keys import LAST_MOMENT

if TYPE_CHECKING:
    from flowerpower.jobs.details import Attempt, RunDetails

_LABEL = 9
_MOST_NOTES = 10
_BEFORE_REASON = 36  # columns of an attempt


def details_text(run: RunDetails, *, width: int = 120, style: Style = plain) -> str:
    """Return a run for people: what it is, then the error with the author's own lines first, then the rest."""
    blocks = [
        _facts(run, width, style),
        _error(run, style),
        _attempts(run, width, style),
        _section("Inputs", _inputs_lines(run, width), style),
        _section(_running(run), times_lines(_times(run), style), style),
        _section(_was_seen(run), _last_seen(run), style),
        _section("Outputs", outputs_lines(run.summary, style), style),
        _section("Files", files_lines(run.summary, style), style),
        _section("What else happened", _notes(run), style),
        _next(run, style),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines)


def _running(run: RunDetails) -> str:
    """Return the title over the times: where a run is, or where its time went."""
    done, expected = run.live.get("done"), run.live.get("expected")
    if not run.live:
        return "Where the time went"
    return f"Running now, {done} of {expected} nodes done" if isinstance(done, int) and expected else "Running now"


def _was_seen(run: RunDetails) -> str:
    done, expected = run.last_seen.get("done"), run.last_seen.get("expected")
    told = f", {done} of {expected} nodes done" if isinstance(done, int) and expected else ""
    return f"Under way when it was last heard of{told}"


def _last_seen(run: RunDetails) -> Iterator[str]:
    """Yield the nodes that a run had begun when its process was killed: one of them may be why."""
    for name, since in _begun(run.last_seen):
        yield f"  {safe(name)}  since {clock(local(int(since), run.record.timezone))}"


def _begun(where: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the nodes that a run is at, or was, and since when; what is no moment is passed over."""
    nodes = where.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        since = node.get("since") if isinstance(node, Mapping) else None
        if isinstance(since, int | float) and 0 <= since <= LAST_MOMENT:
            yield str(node.get("node", "")), float(since)


def _section(title: str, lines: Iterator[str], style: Style) -> Iterator[str]:
    for number, line in enumerate(lines):
        if not number:
            yield style(title, "strong")
        yield line


def _facts(run: RunDetails, width: int, style: Style) -> Iterator[str]:
    record, zone = run.record, run.record.timezone
    name = short_run(record.run) if record.run else safe(record.name)
    status = style(record.status, EMPHASIS.get(record.status, "faint"))
    yield f"{style(name, 'strong')}  {status}{_how(run)}"
    facts = {
        "tick": f"{_tick(run)}{'  by hand' if run.by_hand else ''}",
        "pipeline": safe(run.pipeline),
        "queue": safe(run.queue) + ("" if run.workers is None else f"  {_workers(run.workers)}"),
        "commit": short(record.commit),
        "code": f"not what was applied: {code_words(record)}" if record.other_code else "",
        "worker": safe(run.attempts[-1].worker) if run.attempts else "",
        "queued": moment(run.enqueued, zone, run.now) if run.enqueued else "",
        "next": _next_attempt(run),
        "why": "" if last_error(run) else clean_reason(record.reason or last_reason(run)),
    }
    for label, value in facts.items():
        if value:
            yield from _fact(label, value, width, style)


def _tick(run: RunDetails) -> str:
    """Return the tick; of a run by hand it is in its record alone, which a Redis that was emptied has lost."""
    zone = run.record.timezone
    return (
        f"{moment_with_utc(run.record.last, zone, run.now)}  {safe(zone)}" if run.record.last else "not known any more"
    )


def _next_attempt(run: RunDetails) -> str:
    """Return when a run that waits for its retry is tried again."""
    if run.record.status != "retrying":
        return ""
    when = "as soon as a worker takes it"
    if run.next_at > run.now:
        when = (
            f"in {rough_duration(run.next_at - run.now)}, {moment_with_utc(run.next_at, run.record.timezone, run.now)}"
        )
    return f"attempt {run.record.attempt + 1} {when}"


def last_reason(run: RunDetails) -> str:
    """Return how the attempt before the next one ended."""
    return run.attempts[-1].reason if run.attempts and run.record.status == "retrying" else ""


def _inputs_lines(run: RunDetails, width: int) -> Iterator[str]:
    for key, value in _inputs(run).items():
        first, *others = wrap(f"{safe(str(key))} = {value_text(value)}", max(width - 4, 20), "    ")
        yield f"  {first}"
        yield from (f"  {line}" for line in others)


def _fact(label: str, value: str, width: int, style: Style) -> Iterator[str]:
    indent = " " * (_LABEL + 2)
    first, *others = wrap(value, max(width - len(indent), 20), "")
    yield f"  {style(label.ljust(_LABEL), 'faint')}{first}"
    yield from (f"{indent}{line}" for line in others)


def _how(run: RunDetails) -> str:
    record = run.record
    parts = []
    if record.count > 1:
        parts.append(f"with {count(record.count - 1, 'other tick')}")
    if record.seconds:
        parts.append(f"in {stopwatch(record.seconds)}")
    if record.attempt and record.status in ("queued", "retrying", "scheduled"):
        parts.append(f"after {record.attempt} of {record.attempt + 1 + run.retries_left} attempts")
    elif record.attempt > 1 or (record.attempt and not run.is_over):
        left = f", {run.retries_left} left" if run.retries_left and not run.is_over else ""
        parts.append(f"(attempt {record.attempt}{left})")
    if record.at:
        ago = max(0, run.now - record.at)
        parts.append(f"{rough_duration(ago)} ago" if run.is_over else f"for {rough_duration(ago)}")
    return "".join(f" {part}" for part in parts)


def _workers(number: int) -> str:
    return count(number, "live worker") if number else "no live worker listens on it: start one"


def _inputs(run: RunDetails) -> Mapping[str, Any]:
    kept = run.attempts[-1].kept if run.attempts and not run.summary else {}
    found = run.summary.get("inputs") or kept.get("inputs")
    return found if isinstance(found, Mapping) else {}


def last_error(run: RunDetails) -> Mapping[str, Any]:
    """Return what the last attempt that left anything failed of, nothing when it is not known or the run succeeded."""
    if run.record.status == "succeeded" or not run.attempts:
        return {}
    kept = [attempt.kept for attempt in run.attempts if attempt.kept]
    error = kept[-1].get("error") if kept else None
    return error if isinstance(error, Mapping) else {}


def _error(run: RunDetails, style: Style) -> Iterator[str]:
    error = last_error(run)
    if not error:
        return
    message = str(error.get("message", ""))
    for number, line in enumerate(message.splitlines()):
        yield style(f"{'Error: ' if not number else '  '}{safe(line)}", "error" if not number else "faint")
    details = str(error.get("details", "")).splitlines()
    if details and (message.endswith(details[0]) or (message and details[0].endswith(message))):
        details = details[1:]  # it has been said
    yield from (f"  {safe(line)}" for line in details)
    if error.get("hint"):
        yield f"{style('hint', 'strong')}: {safe(str(error['hint']))}"


def _attempts(run: RunDetails, width: int, style: Style) -> Iterator[str]:
    if len(run.attempts) < 2:
        return
    yield style("Attempts", "strong")
    for attempt in run.attempts:
        status = f"{style(attempt.status, EMPHASIS.get(attempt.status, 'faint'))}{' ' * (9 - len(attempt.status))}"
        took = stopwatch(attempt.seconds) if attempt.seconds is not None else ""
        began = clock(local(attempt.started, run.record.timezone)) if attempt.started else ""
        rest = cut(clean_reason(attempt.reason), max(width - _BEFORE_REASON, 11))
        yield f"  {attempt.number:>3}  {status}  {took:>8}  {began:8}  {rest}".rstrip()


def _times(run: RunDetails) -> Mapping[str, Any]:
    """Return what is known of the nodes: of the run that succeeded, of the last attempt that failed, of now."""
    if run.summary:
        return run.summary
    if run.live:
        rows = [(name, max(0.0, run.now - since)) for name, since in _begun(run.live)]
        nodes = [{"node": name, "seconds": seconds} for name, seconds in rows]
        return {"nodes": nodes, "node_count": 0, "seconds": max([1.0, *(seconds for _, seconds in rows)])}
    kept = [attempt.kept for attempt in run.attempts if attempt.kept]
    return kept[-1] if kept and run.record.status != "running" else {}


def _notes(run: RunDetails) -> Iterator[str]:
    for when, what in [note for note in run.notes if note[1] != "enqueued"][-_MOST_NOTES:]:
        yield f"  {moment(when, run.record.timezone, run.now)}  {safe(what)}"


def _next(run: RunDetails, style: Style) -> Iterator[str]:
    """Yield what somebody who looks at this will want to do next."""
    name = short_run(run.record.run) if run.record.run else ""
    env = env_of_run(run.record.run)

    def shown(command: str) -> str:
        return style(style(typed(command, env), "hint"), "strong")

    if any(attempt.has_log for attempt in run.attempts):
        yield f"What it said: {shown(f'flowerpower runs --job {name} --log')}"
    if run.record.status == "scheduled" and not run.by_hand and not run.record.attempt:
        pause = shown(f'flowerpower pause {safe(run.record.name)} --reason "..."')
        yield f"It is still to come. To keep it from firing: {pause}"
    elif not run.is_over and name:
        yield f"To stop it: {shown(f'flowerpower cancel {name}')}"
    elif name and run.record.status != "succeeded" and not run.by_hand:
        yield f"To run it again: {shown(f'flowerpower rerun {name}')}"


def details_dict(run: RunDetails, namespace: str) -> dict[str, Any]:
    """Return a run as a JSON document; times are ISO 8601 in UTC."""
    times = _times(run)
    summary = run.summary
    return {
        "format_version": "1.0",
        "namespace": namespace,
        "read_at": iso(run.now),
        **record_dict(run.record),
        "pipeline": run.pipeline,
        "queue": run.queue,
        "by_hand": run.by_hand,
        "queued_at": iso(run.enqueued) if run.enqueued else None,
        "retries_left": run.retries_left,
        "next_attempt_at": iso(run.next_at) if run.next_at else None,
        "workers": run.workers,
        "attempts": [_attempt_dict(attempt) for attempt in run.attempts],
        "error": dict(last_error(run)) or None,
        "inputs": dict(_inputs(run)),
        "nodes": times.get("nodes", []),
        "node_count": times.get("node_count", 0),
        "cached_count": times.get("cached_count", 0),
        "phases": summary.get("phases", {}),
        "outputs": summary.get("outputs", {}),
        "loads": summary.get("loads", []),
        "saves": summary.get("saves", []),
        "live": dict(run.live) or None,
        "last_seen": dict(run.last_seen) or None,
        "events": [{"at": iso(when), "what": what} for when, what in run.notes],
    }


def _attempt_dict(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "status": attempt.status,
        "started_at": iso(attempt.started) if attempt.started else None,
        "seconds": attempt.seconds,
        "worker": attempt.worker,
        "reason": attempt.reason,
        "has_log": attempt.has_log,
    }
