"""One finished run: what it made, what it wrote, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowerpower.render.style import Style, plain
from flowerpower.render.words import safe, stopwatch, value_text

_SLOWEST = 10
_BAR = 20


def run_text(run: Mapping[str, Any], *, style: Style = plain) -> str:
    """Return a run's summary (`RunResult.to_dict()`) for people: outputs, files, nodes by time."""
    blocks = [_outputs(run.get("outputs", {}), style), _saves(run.get("saves", []), style), _times(run, style)]
    title = f"{safe(str(run['pipeline']))} at {safe(str(run['tick']))}"
    done = style(f"Run complete: {title} in {stopwatch(run['seconds'])}.", "good")
    return "\n\n".join(["\n".join(lines) for lines in map(list, blocks) if lines] + [done])


def _outputs(outputs: Mapping[str, Any], style: Style) -> Iterator[str]:
    size = max((len(name) for name in outputs), default=0)
    for name, shown in outputs.items():
        if isinstance(shown, Mapping):
            yield f"  {style(safe(name).ljust(size), 'strong')}  {_output(shown, size, style)}"


def _output(shown: Mapping[str, Any], indent: int, style: Style) -> str:
    if "value" not in shown:
        facts = (f"{name} {_fact(fact)}" for name, fact in shown.items() if name != "type")
        return f"{safe(str(shown.get('type', '')))} {style(', '.join(facts), 'faint')}".rstrip()
    value = shown["value"]
    if isinstance(value, str) and "\n" in value:
        lines = value.rstrip("\n").split("\n")
        return "\n".join([safe(lines[0]), *(f"{' ' * (indent + 4)}{safe(line)}".rstrip() for line in lines[1:])])
    return safe(value) if isinstance(value, str) else value_text(value)


def _fact(fact: Any) -> str:
    if isinstance(fact, list) and all(isinstance(part, int) for part in fact):
        return " x ".join(f"{part:,}" for part in fact)
    return f"{fact:,}" if isinstance(fact, int) else safe(str(fact))


def _saves(saves: Any, style: Style) -> Iterator[str]:
    for save in saves if isinstance(saves, list) else []:
        rows = f"{save['rows']:,} rows, " if save.get("rows") is not None else ""
        size = f"{save['bytes']:,} bytes" if save.get("bytes") is not None else ""
        facts = f"{save['format']}, {rows}{size}".removesuffix(", ")
        yield f"  {style('saved', 'good')} {safe(str(save['path']))}  {style(facts, 'faint')}"


def _phases(run: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the phases beside the nodes that took a time worth showing."""
    return [
        (name, seconds) for name, seconds in run.get("phases", {}).items() if name != "execute" and seconds >= 0.001
    ]


def _times(run: Mapping[str, Any], style: Style) -> Iterator[str]:
    nodes = run.get("nodes", [])
    slowest = nodes[:_SLOWEST] if isinstance(nodes, list) else []
    total = max(float(run["seconds"]), 1e-9)
    rows = [(f"({name})", float(seconds)) for name, seconds in _phases(run)]
    rows += [(safe(str(node["node"])), float(node["seconds"])) for node in slowest]
    size = max((len(name) for name, _ in rows), default=0)
    for name, seconds in sorted(rows, key=lambda row: -row[1]):
        bar = "#" * round(_BAR * min(1.0, seconds / total))
        yield f"  {name.ljust(size)}  {stopwatch(seconds):>8}  {style(bar, 'faint')}".rstrip()
    rest = int(run.get("node_count", len(slowest))) - len(slowest)
    if rest > 0:
        yield f"  {style(f'and {rest} quicker nodes', 'faint')}"
