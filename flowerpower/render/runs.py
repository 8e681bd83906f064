"""One finished run: what it made, what it wrote, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowerpower.render.style import Style, plain
from flowerpower.render.times import times_lines
from flowerpower.render.words import safe, stopwatch, value_text


def run_text(run: Mapping[str, Any], *, style: Style = plain) -> str:
    """Return a run's summary (`RunResult.to_dict()`) for people: outputs, files, nodes by time."""
    blocks = [outputs_lines(run, style), files_lines(run, style), times_lines(run, style)]
    title = f"{safe(str(run['pipeline']))} at {safe(str(run['tick']))}"
    done = style(f"Run complete: {title} in {stopwatch(run['seconds'])}.", "good")
    return "\n\n".join(["\n".join(lines) for lines in map(list, blocks) if lines] + [done])


def outputs_lines(run: Mapping[str, Any], style: Style) -> Iterator[str]:
    """Yield the outputs of a run: small ones whole, the others by type, shape and size."""
    found = run.get("outputs", {})
    outputs: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    size = max((len(name) for name in outputs), default=0)
    for name, shown in outputs.items():
        if isinstance(shown, Mapping):
            yield f"  {style(safe(name).ljust(size), 'strong')}  {_output(shown, size, style)}"


def _output(shown: Mapping[str, Any], indent: int, style: Style) -> str:
    if "value" not in shown:
        facts = (f"{safe(str(name))} {_fact(fact)}" for name, fact in shown.items() if name != "type")
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


def files_lines(run: Mapping[str, Any], style: Style) -> Iterator[str]:
    """Yield what a run read and wrote, with what is in it."""
    yield from _files(run.get("loads"), style("read ", "faint"), style)
    yield from _files(run.get("saves"), style("saved", "good"), style)


def _files(records: Any, word: str, style: Style) -> Iterator[str]:
    for record in records if isinstance(records, list) else []:
        if isinstance(record, Mapping):
            facts = [safe(str(record.get("format", "")))]
            facts += [f"{_fact(record[name])} {name}" for name in ("rows", "bytes") if record.get(name) is not None]
            yield f"  {word} {safe(str(record.get('path', '')))}  {style(', '.join(facts), 'faint')}"
