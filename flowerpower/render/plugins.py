"""The plug-ins that are installed, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowerpower.plugins import OFF, Plugin
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import listed, safe
from flowerpower.specs.text.width import columns


def plugins_text(
    found: Sequence[Plugin],
    named: Sequence[str] | None,
    missing: Sequence[str],
    *,
    off: bool = False,
    style: Style = plain,
) -> str:
    """Return the table for people."""
    if off:
        return style(f"{OFF[:1].upper()}{OFF[1:]}.", "warning")
    lines = _table(found, style) if found else ["No plug-in is installed."]
    if missing:
        lines.append(style(f"Named under `plugins:` and not installed: {safe(listed(missing))}", "error"))
    if named is None:
        lines.append(style("There is no project here, so none of them is loaded.", "faint"))
    elif any(not plugin.allowed for plugin in found):
        lines.append(style("To use one, name its distribution under `plugins:` in flowerpower.yaml.", "faint"))
    return "\n".join(lines)


def _table(found: Sequence[Plugin], style: Style) -> list[str]:
    header = ("group", "name", "distribution", "")
    rows = [
        (plugin.group.removeprefix("flowerpower."), safe(plugin.name), safe(f"{plugin.distribution} {plugin.version}"))
        for plugin in found
    ]
    sizes = [max(columns(row[place]) for row in [header, *rows]) for place in range(3)]
    lines = [style(_line(header[:3], sizes).rstrip(), "faint")]
    for plugin, row in zip(found, rows, strict=True):
        word, emphasis = _state(plugin)
        lines.append(f"{_line(row, sizes)}  {style(safe(word), emphasis)}")
    return lines


def _line(row: Sequence[str], sizes: Sequence[int]) -> str:
    return "  " + "  ".join(f"{cell}{' ' * (size - columns(cell))}" for cell, size in zip(row, sizes, strict=True))


def _state(plugin: Plugin) -> tuple[str, Emphasis]:
    if plugin.wrong:
        return plugin.wrong, "error"
    if plugin.hidden:
        return _unused(plugin), "warning"
    if plugin.loaded:
        return "loads", "good"
    return ("not looked at" if plugin.allowed is None else "not named by the project, so not loaded"), "faint"


def _unused(plugin: Plugin) -> str:
    return f"never used: {plugin.hidden} has this name"


def plugins_dict(
    found: Sequence[Plugin], named: Sequence[str] | None, missing: Sequence[str], *, off: bool = False
) -> dict[str, Any]:
    """Return the same as a JSON document; `loads` is null where nobody tried."""
    return {
        "format_version": "1.0",
        "disabled": off,
        "named": None if named is None else list(named),
        "missing": list(missing),
        "plugins": [
            {
                "group": plugin.group,
                "name": plugin.name,
                "value": plugin.value,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "allowed": plugin.allowed,
                "loads": plugin.loaded if plugin.allowed else None,
                "problem": plugin.wrong or (_unused(plugin) if plugin.hidden else None),
            }
            for plugin in found
        ],
    }
