"""Changes in one line each, in columns: what, its rhythm or what differs, its next fire, what goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from flowerpower.planning.plan import Change, Plan
from flowerpower.render.dataflow import counts
from flowerpower.render.fields import rhythm, rows
from flowerpower.render.fires import accident_words, move_words, silence_of, zone_label
from flowerpower.render.pieces import symbol_of
from flowerpower.render.style import Emphasis, Style
from flowerpower.render.words import count, moment, safe
from flowerpower.specs.text.width import columns

_EMPHASIS: Mapping[str, Emphasis] = {"+": "create", "-": "delete"}  # any other sign is an update
_LONGEST = 40  # of what stands in the second column
_MOMENT = 16  # columns of `Tue 24 Nov 02:00`
_NARROWEST = 20


def brief_lines(changes: Sequence[Change], plan: Plan, width: int, style: Style) -> tuple[str, dict[str, str]]:
    """Return a heading, which names the zone of most fires, and the line of each change by its address."""
    zones = Counter(zone_label(change.fires.timezone) for change in changes if change.fires)
    usual = zones.most_common(1)[0][0] if zones else "UTC"
    cells = [(change, _name(change), _what(change, plan), _when(change, plan, usual)) for change in changes]
    middle = max((columns(what) for _, _, what, _ in cells if columns(what) <= _LONGEST), default=0)
    room = max(_NARROWEST, width - 4 - 2 - middle - 2 - _MOMENT)
    first = max((columns(name) for _, name, _, _ in cells if columns(name) <= room), default=0)
    heading = style(f"    {' ' * (first + middle + 2)}  next fire, {usual}", "faint") if zones else ""
    return heading, {
        change.address: _line(change, (_in_column(name, first), _in_column(what, middle), when), plan, style)
        for change, name, what, when in cells
    }


def _line(change: Change, cells: tuple[str, str, str], plan: Plan, style: Style) -> str:
    symbol = symbol_of(change)
    head, what, when = cells
    name = safe(change.address)
    title = f"  {style(symbol, _EMPHASIS.get(symbol, 'update'))} {style(name, 'strong')}{head[len(name) :]}"
    beside = "; ".join(_remarks(change, plan, style))
    return f"{title}  {what}  {when}{'  ' if beside else ''}{beside}".rstrip()


def _name(change: Change) -> str:
    return safe(change.address) + (f"  was {safe(change.previous)}" if change.previous else "")


def _what(change: Change, plan: Plan) -> str:
    """Return the rhythm of what is new or deleted; of an update the one value that differs, or the names of several."""
    if change.action == "create":
        return rhythm(change)
    if change.action == "delete":
        return f"was {rhythm(change)}"
    found = rows(change, plan.read_at)
    names = ", ".join(dict.fromkeys(row.name.partition(".")[0] for row in found))
    if len(found) == 1:
        [row] = found
        whole = f"{row.name}: {row.new if row.old is None else f'{row.old} -> {row.new}'}"
        names = whole if columns(whole) <= _LONGEST else row.name
    drift = "drift: " if change.drifted else ""
    return drift + (names if columns(names) <= _LONGEST else count(len(found), "field"))


def _when(change: Change, plan: Plan, usual: str) -> str:
    if change.kind == "pipeline":
        graph = plan.graphs.get(change.name)
        return counts(graph) if graph else ""
    fires = change.fires
    if fires is None:
        return ""
    if not fires.after:
        return silence_of(change, change.name in plan.held)
    zone = zone_label(fires.timezone)
    shown = "" if zone == usual else f" {zone.rpartition('/')[2]}"
    return moment(fires.after[0], fires.timezone, plan.read_at) + shown


def _remarks(change: Change, plan: Plan, style: Style) -> Iterator[str]:
    if change.fires and (accident := accident_words(change.fires, plan.read_at)):
        yield style(accident, "warning")
    if change.fires and (moved := move_words(change.fires)):
        yield style(moved, "faint")


def _in_column(text: str, size: int) -> str:
    """Return a text as wide as its column; what is wider goes on below its end."""
    rest = size - columns(text)
    return text + (" " * rest if rest >= 0 else f"\n    {' ' * size}")
