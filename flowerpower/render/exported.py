"""What `export` found and wrote, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.render.fields import show
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, safe

if TYPE_CHECKING:
    from flowerpower.export import Difference, Exported, ExportReport, Fate

_SIGNS: Mapping[Fate, tuple[str, Emphasis]] = {
    "new": ("+", "create"),
    "changed": ("~", "update"),
    "left": ("!", "warning"),
    "same": ("=", "faint"),
}


def export_stream(report: ExportReport) -> str:
    """Return the specs as one stream of YAML documents, each with its file above it."""
    return "---\n".join(f"# {one.file}\n{one.text}" for one in report.exported).rstrip("\n")


def export_text(report: ExportReport, style: Style = plain) -> str:
    """Return what became of each file, what was left alone with what differs."""
    shown = [one for one in report.exported if one.fate != "same"]
    lines = [line for one in shown for line in _lines(one, style)]
    same = len(report.exported) - len(shown)
    if same:
        lines.append(style(f"{count(same, 'file')} said the same already.", "faint"))
    return "\n".join(lines) or f"Nothing is live in {report.namespace}."


def _lines(one: Exported, style: Style) -> Iterator[str]:
    sign, emphasis = _SIGNS[one.fate]
    why = f"  left as it is: {safe(one.why)}" if one.fate == "left" else ""
    yield f"{style(sign, emphasis)} {safe(one.file)}{why}"
    yield from (f"    {safe(difference.name)}: {_in_words(difference)}" for difference in one.differences)


def _in_words(difference: Difference) -> str:
    file, live = (
        "(none)" if value is None else show(difference.name, value, ("UTC", 0))
        for value in (difference.file, difference.live)
    )
    return f"{file} in the file, {live} live"


def export_dict(report: ExportReport) -> dict[str, Any]:
    """Return the specs and what became of their files as a JSON document."""
    return {
        "format_version": "1.0",
        "namespace": report.namespace,
        "pipelines": {_name(one): one.values for one in report.exported if one.kind == "pipeline"},
        "schedules": {_name(one): one.values for one in report.exported if one.kind == "schedule"},
        "files": [
            {
                "address": one.address,
                "file": one.file,
                "fate": one.fate,
                "why": one.why,
                "altered": one.altered,
                "differences": [{"field": item.name, "file": item.file, "live": item.live} for item in one.differences],
            }
            for one in report.exported
        ],
        "notes": list(report.notes),
    }


def _name(one: Exported) -> str:
    return one.address.partition(".")[2]
