"""What ran and what did not, newest first, with why; as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.table import fitted
from flowerpower.render.words import (
    count,
    cut,
    hold_words,
    is_utc,
    iso,
    moment,
    moment_with_utc,
    proposal,
    rough_duration,
    safe,
    short,
    stopwatch,
    typed,
    wrap,
)
from flowerpower.specs.text.width import columns

if TYPE_CHECKING:
    from flowerpower.jobs.records import RunList, RunRecord, Standing

EMPHASIS: Mapping[str, Emphasis] = {
    "running": "strong",
    "queued": "strong",
    "scheduled": "faint",
    "retrying": "warning",
    "succeeded": "good",
    "failed": "error",
    "lost": "error",
    "skipped": "warning",
    "missed": "warning",
    "cancelled": "warning",
}
_ACTIVE = {"running", "queued", "scheduled", "retrying"}
_OTHER_CODE = "OtherCodeError: "
_DIRTY = "+dirty"
_OURS = ("UserCodeError: ", "PipelineError: ", "FlowerPowerError: ", "CheckoutError: ", _OTHER_CODE)
_INDENT = 13
_LONGEST_NAME = 60


def short_run(run: str) -> str:
    """Return a run id without project and environment, safe to show."""
    return safe(run.split("--", 2)[-1])


def env_of_run(run: str) -> str:
    """Return the environment that a run id names, an empty text where there is none."""
    parts = run.split("--", 2)
    return parts[1] if len(parts) > 2 else ""


def clean_reason(reason: str) -> str:
    """Return why a run ended so, safe to show and without the name of an error of ours."""
    text = reason
    for name in _OURS:
        text = text.removeprefix(name)
    return safe(text)


def why_words(ended: RunRecord) -> str:
    """Return why a run ended so, and what it ran where that is not what was applied; safe to show."""
    words = [clean_reason(ended.reason)] if ended.reason else []
    if ended.other_code and not ended.reason.startswith(_OTHER_CODE):
        words.append(f"ran other code than was applied: {code_words(ended)}")
    return "; ".join(words)


def code_words(run: RunRecord) -> str:
    """Return which other code than was applied a run has run; a worker of the same commit may differ all the same."""
    here, applied = run.other_code.removesuffix(_DIRTY), run.commit.removesuffix(_DIRTY)
    if here != applied:
        return short(run.other_code)
    if applied != run.commit:
        return f"{short(here)} without the uncommitted changes that were applied"
    return f"{short(here)} with uncommitted changes"


def runs_text(found: RunList, *, width: int = 120, style: Style = plain) -> str:
    """Return the table for people."""
    lines = [style(_title(found), "faint")]
    lines += [style(safe(f"Damaged: {one.told}: {style(one.hint, 'hint')}"), "error") for one in found.damaged]
    if found.standing is not None:
        lines += [style(line, "warning") for line in _standing(found.standing, found.now)]
    if found.runs:
        lines += ["", *_table(found, width, style)]
    lines += ["", *_end(found, width, style)]
    return "\n".join(lines)


def _title(found: RunList) -> str:
    if not found.name:
        return f"{found.namespace}: what runs now, then what ended, newest first"
    return f"{found.namespace} {safe(found.name)}: what runs now, then its ticks, newest first"


def _standing(standing: Standing, now: int) -> list[str]:
    lines = []
    if not standing.is_live:
        lines.append("Nothing of that name is applied any more.")
    if standing.hold is not None:
        lines.append(f"Held {hold_words(standing.hold, standing.timezone, now)}: nothing fires.")
    if standing.paused:
        lines.append("Paused in its spec: nothing fires.")
    if standing.waiting:
        held = standing.hold is not None or standing.paused
        until = "until it goes on" if held else "for the run that is active"
        lines.append(f"{count(standing.waiting, 'tick')} waiting {until}.")
    return lines


def _table(found: RunList, width: int, style: Style) -> list[str]:
    wide = width >= 110  # columns
    zones = {record.timezone for record in found.runs}
    told = found.runs if wide or len(zones) == 1 else [replace(record, timezone="UTC") for record in found.runs]
    cells = [_cells(record, found, with_utc=wide, ends=len(zones) > 1) for record in told]
    named = _heading({record.timezone for record in told}, with_utc=wide)
    header = ("", "run", named, "took", "when")
    heading, *laid = fitted([header, *cells], width - 2, name=1)
    lines = [style(f"  {line}".rstrip(), "faint") for line in heading]
    for record, row, rowed in zip(found.runs, cells, laid, strict=True):
        lines.append(f"  {style(row[0], EMPHASIS.get(row[0], 'faint'))}{rowed[0][len(row[0]) :]}".rstrip())
        lines += [f"  {line}" for line in rowed[1:]]
        lines += _why(record, columns(rowed[-1]) + 2, width, lines)
    return lines


def _heading(zones: set[str], *, with_utc: bool) -> str:
    """Return what stands above the ticks; where they are of several zones, what is in brackets or alone is UTC."""
    if len(zones) > 1:
        return "tick (UTC)"
    zone = safe(next(iter(zones)))
    return f"tick ({zone}; UTC)" if with_utc and not is_utc(zone) else f"tick ({zone})"


def _why(record: RunRecord, used: int, width: int, lines: list[str]) -> list[str]:
    """Return the reason on lines of its own, or put it behind the last line if it fits there."""
    reason = why_words(record)
    if not reason:
        return []
    if used + 2 + columns(reason) <= width:
        lines[-1] += f"  {reason}"
        return []
    wrapped = wrap(reason, max(width - _INDENT, 20), "")
    shown = wrapped[:2] if len(wrapped) <= 2 else [wrapped[0], f"{wrapped[1][: max(width - _INDENT - 1, 10)]}…"]
    return [f"{' ' * _INDENT}{line}" for line in shown]


def _cells(record: RunRecord, found: RunList, *, with_utc: bool, ends: bool) -> tuple[str, ...]:
    name = short_run(record.run) if record.run else cut(safe(record.name), _LONGEST_NAME)
    if record.count > 1:
        name = f"{cut(safe(record.name), _LONGEST_NAME)}  {count(record.count, 'tick')}"
    ago = f"{rough_duration(max(0, found.now - record.at))} ago" if record.at else ""
    if record.status in _ACTIVE:
        ago = f"for {rough_duration(max(0, found.now - record.at))}" if record.at else ""
        ago = f"in {rough_duration(record.at - found.now)}" if record.at > found.now else ago
    attempt = _attempts(record)
    took = stopwatch(record.seconds) if record.seconds else ""
    return (record.status, name, _ticks(record, found.now, with_utc=with_utc, ends=ends), took, f"{ago}{attempt}")


def _attempts(record: RunRecord) -> str:
    if record.status in ("queued", "scheduled", "retrying"):
        return f", after {count(record.attempt, 'attempt')}" if record.attempt else ""
    return f", attempt {record.attempt}" if record.attempt > 1 else ""


def _ticks(record: RunRecord, now: int, *, with_utc: bool, ends: bool) -> str:
    """Return the tick, or the first and the last of several, these in UTC as well only if *ends* asks for it."""

    def told(tick: int, *, twice: bool) -> str:
        zone = record.timezone
        return moment_with_utc(tick, zone, now, unit="") if twice else moment(tick, zone, now)

    if record.count == 1:
        return told(record.last, twice=with_utc)
    first = f"{told(record.first, twice=with_utc and ends)} – " if record.first else "up to "
    return f"{first}{told(record.last, twice=with_utc and ends)}"


def _end(found: RunList, width: int, style: Style) -> list[str]:
    if not found.runs:
        lines = ["No such run is known."]
        if not found.name:
            command = style(typed("flowerpower trigger NAME", found.namespace), "hint")
            words = f"`{command}` starts one; the schedules' own need a worker with a scheduler."
            lines += wrap(words, width, "  ")
    else:
        more = "; there are more: --limit, --since" if found.more else ""
        shown = sum(record.status in _ACTIVE for record in found.runs)
        of_all = f" of {found.active:,}" if found.active > shown else ""
        active = f" ({shown:,}{of_all} active)" if found.active else ""
        command = style(typed("flowerpower runs --job RUN", found.namespace), "hint")
        words = f"{count(len(found.runs), 'run')} shown{active}{more}. One of them in full:"
        lines = proposal(words, command, width)
    if found.unreadable:
        lines.append(style(f"{count(found.unreadable, 'record')} could not be read: damaged in Redis.", "warning"))
    return lines


def runs_dict(found: RunList) -> dict[str, Any]:
    """Return the list as a JSON document; times are ISO 8601 in UTC."""
    standing = found.standing
    return {
        "format_version": "1.0",
        "namespace": found.namespace,
        "read_at": iso(found.now),
        "name": found.name or None,
        "held": None if standing is None or standing.hold is None else standing.hold.why,
        "paused": None if standing is None else standing.paused,
        "waiting": None if standing is None else standing.waiting,
        "active": found.active,
        "runs": [record_dict(record) for record in found.runs],
        "more": found.more,
        "unreadable": found.unreadable,
        "damaged": [{"message": one.told, "hint": one.hint} for one in found.damaged],
    }


def record_dict(record: RunRecord) -> dict[str, Any]:
    """Return one run as JSON values; of a range of ticks, and where it is not known any more, `tick` is null."""
    return {
        "run": record.run or None,
        "name": record.name,
        "status": record.status,
        "tick": iso(record.last) if record.count == 1 and record.last else None,
        "first": iso(record.first) if record.first else None,
        "last": iso(record.last) if record.last else None,
        "count": record.count,
        "reason": record.reason,
        "attempt": record.attempt,
        "seconds": record.seconds,
        "at": iso(record.at) if record.at else None,
        "commit": record.commit,
        "other_code": record.other_code,
    }
