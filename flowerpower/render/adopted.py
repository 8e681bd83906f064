"""What `adopt` found and wrote, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.durations import duration_text
from flowerpower.render.style import Style, plain
from flowerpower.render.table import fitted
from flowerpower.render.words import count, cut, iso, moment, safe, wrap

if TYPE_CHECKING:
    from flowerpower.adopt import AdoptReport
    from flowerpower.adoption.adoption import Adopted
    from flowerpower.adoption.found import Unread

_MOST_ROWS = 40
_MOST_FILES = 20
_MOST_UNREAD = 10
_WIDEST_CELL = 44
_HEADER = ("source", "schedule", "queue", "when", "next there", "calls")


def adopted_text(report: AdoptReport, *, width: int = 120, style: Style = plain, written: bool = True) -> str:
    """Return what was found as a table, with what is not carried over below each row."""
    adopted = report.adoption.adopted
    lines: list[str] = []
    if adopted:
        lines += _table(report, width, style)
        if len(adopted) > _MOST_ROWS:
            lines.append(style(f"  … and {len(adopted) - _MOST_ROWS:,} more (--json lists them all)", "faint"))
    unread = [*report.foreign.unread, *report.adoption.unread]
    if unread:
        lines += ["", f"Left alone: {len(unread):,}", *_unread_lines(unread, style)]
    if report.foreign.known:
        lines += ["", f"Adopted before: {report.foreign.known:,}"]
    if report.foreign.more:
        lines += ["", f"Not looked at: {report.foreign.more:,} more; --limit says how many are adopted at once."]
    files = report.files if written else tuple(report.adoption.files)
    if files:
        lines += ["", f"{'Wrote' if written else 'Would write'} {count(len(files), 'file')}:"]
        lines += [f"{style('+', 'create')} {safe(file)}" for file in sorted(files)[:_MOST_FILES]]
        if len(files) > _MOST_FILES:
            lines.append(style(f"  … and {len(files) - _MOST_FILES:,} more", "faint"))
    return "\n".join(lines).strip("\n") or "Nothing of other tools is scheduled here."


def _table(report: AdoptReport, width: int, style: Style) -> Iterator[str]:
    shown = report.adoption.adopted[:_MOST_ROWS]
    rows = [_cells(one, report.foreign.now) for one in shown]
    header, *laid = fitted([_HEADER, *rows], width - 2, name=1)
    yield from (style(f"  {line}", "faint") for line in header)
    for one, lines in zip(shown, laid, strict=True):
        yield from (f"  {line}" for line in lines)
        notes = (line for note in one.notes for line in wrap(safe(note), max(width - 6, 20), "  "))
        yield from (style(f"      {line}", "warning") for line in notes)


def _cells(one: Adopted, now: int) -> tuple[str, ...]:
    found = one.found
    due = "—" if found.due is None else f"{moment(found.due, 'UTC', now)} UTC"
    cells = (found.tool, one.schedule, found.queue, _when(one), due, found.call.function)
    return tuple(cut(safe(cell), _WIDEST_CELL) for cell in cells)


def _when(one: Adopted) -> str:
    fields: dict[str, Any] = one.timing.fields
    if "cron" in fields:
        return f"{fields['cron']} {fields['timezone']}"
    return f"every {duration_text(fields['every'])}" if "every" in fields else "once"


def _unread_lines(unread: Sequence[Unread], style: Style) -> Iterator[str]:
    for one in unread[:_MOST_UNREAD]:
        yield f"  {one.tool} {safe(one.id)[:60]}: {safe(one.why)}"
    if len(unread) > _MOST_UNREAD:
        yield style(f"  … and {len(unread) - _MOST_UNREAD:,} more (--json lists them all)", "faint")


def adopted_dict(report: AdoptReport) -> dict[str, Any]:
    """Return the report as a JSON document."""
    unread = [*report.foreign.unread, *report.adoption.unread]
    return {
        "format_version": "1.0",
        "folder": str(report.folder),
        "read_at": iso(report.foreign.now),
        "found": [_found_dict(one) for one in report.adoption.adopted],
        "left_alone": [{"source": one.tool, "id": one.id, "why": one.why} for one in unread],
        "adopted_before": report.foreign.known,
        "not_looked_at": report.foreign.more,
        "files": list(report.adoption.files),
        "written": list(report.files),
        "problems": [str(problem) for problem in report.problems],
    }


def _found_dict(one: Adopted) -> dict[str, Any]:
    found = one.found
    return {
        "source": found.tool,
        "id": found.id,
        "schedule": one.schedule,
        "pipeline": one.pipeline,
        "function": found.call.function,
        "queue": found.queue,
        "next": None if found.due is None else iso(found.due),
        "when": one.timing.fields,
        "to_fill_in": list(found.call.to_fill_in),
        "notes": list(one.notes),
    }
