"""What formatting changed, or would change, as text, as a diff and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Any

from flowerpower.errors import Problem
from flowerpower.render.problems_json import FORMAT_VERSION, problems_dict
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, safe

_EMPHASIS: dict[str, Emphasis] = {"+": "create", "-": "delete", "@": "faint"}


def formatted_counts(formatted: int, unchanged: int, failed: int, *, written: bool) -> str:
    """Return `2 files formatted, 30 unchanged, 1 not formatted`."""
    verb = "formatted" if written else "would be formatted"
    parts = [f"{count(formatted, 'file')} {verb}"] if formatted else []
    parts += [f"{unchanged:,} unchanged" if parts else f"{count(unchanged, 'file')} unchanged"] if unchanged else []
    parts += [f"{failed:,} not formatted" if parts else f"{count(failed, 'file')} not formatted"] if failed else []
    return ", ".join(parts) or "no files to format"


def diff_text(file: str, before: bytes, after: bytes, *, style: Style = plain) -> str:
    """Return the unified diff of a file, which `patch` and `git apply` read."""
    old, new = (content.decode("utf-8").split("\n") for content in (before, after))
    lines = unified_diff(_with_ends(old), _with_ends(new), f"a/{file}", f"b/{file}", lineterm="")
    return "\n".join(_diff_lines(lines, style))


def formatted_dict(
    changed: Sequence[tuple[str, str | None]], unchanged: int, problems: Sequence[Problem], *, written: bool
) -> dict[str, Any]:
    """Return it all as a JSON document; *changed* has each file and, where it was asked for, its diff."""
    found = problems_dict(problems)
    return {
        "format_version": FORMAT_VERSION,
        "written": written,
        "changed": [{"file": file} if diff is None else {"file": file, "diff": diff} for file, diff in changed],
        "unchanged": unchanged,
        "diagnostics": found["diagnostics"],
    }


def _with_ends(lines: list[str]) -> list[str]:
    """Return lines of which the last is marked where the file does not end in a line end."""
    *whole, last = lines
    return whole if not last else [*whole, f"{last}\n\\ No newline at end of file"]


def _diff_lines(lines: Iterator[str], style: Style) -> Iterator[str]:
    for number, line in enumerate(lines):
        emphasis = "strong" if number < 2 else _EMPHASIS.get(line[:1])
        shown = "".join(char if char in "\t\r\n" else safe(char) for char in line)  # so that the diff can be applied
        yield style(shown, emphasis) if emphasis else shown
