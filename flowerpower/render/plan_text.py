"""A plan as text, in Terraform's layout: what changes first, notes after, one line of counts last.

A reader must see in five seconds what is deleted, what fires differently and what stands in the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.plan import Change, Fires, Plan
from flowerpower.render.brief import brief_lines
from flowerpower.render.dataflow import node_parts, sentences
from flowerpower.render.fields import Row, rows
from flowerpower.render.fires import (
    FireTable,
    accident_reason,
    accident_words,
    clock_words,
    fire_table,
    mark_words,
    move_words,
)
from flowerpower.render.load import load_lines
from flowerpower.render.narrow import NARROW, folded
from flowerpower.render.notes import fate_words, held_words, in_flight_words, lost_hold_words, notes, origin, summary
from flowerpower.render.pieces import Group, ordered, pieces, place_of, symbol_of
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, listed, moment_with_utc, runs_leftward, safe, wrap
from flowerpower.specs.text.width import columns

_EMPHASIS: dict[str, Emphasis] = {"+": "create", "-": "delete", "!": "drift"}  # any other sign is an update
_MANY = 8  # above this, new and deleted objects take one line each
_FEW = 5  # above this, what nobody should miss is said once more at the end
_INDENT = " " * 6
_NARROWEST = 40
_MANY_UPDATES = 30  # above this, changed objects do too
_MOST_LINES = 100  # of an action, when the size decides: nobody reads more of them one by one
_MOST_HELD = 20
_DONE: dict[str, tuple[str, str]] = {"create": ("+", "created"), "update": ("~", "changed"), "delete": ("-", "deleted")}


def plan_text(plan: Plan, *, width: int = 80, style: Style = plain, concise: bool | None = None) -> str:
    """Return the plan for people; the last line has Terraform's shape, and there is no line break after it."""
    width = max(width, _NARROWEST)
    head = "\n".join(style(line, "faint") for line in wrap(origin(plan), width, "  "))
    blocks = [head, *change_blocks(plan, width, style, concise)]
    beside = (load_lines(plan, width, style), _held(plan, width, style), *notes(plan, width, style))
    blocks += ["\n".join(lines) for lines in beside if lines]
    if len(plan.changes) > _FEW and (watch := _watch(plan, width, style)):
        blocks.append("\n".join(watch))
    if width < NARROW:
        blocks = ["\n".join(folded(block.split("\n"), width)) for block in blocks]
    blocks.append(style(summary(plan), "strong"))
    return "\n\n".join(blocks)


def change_blocks(plan: Plan, width: int, style: Style, concise: bool | None = None) -> list[str]:
    """Return a block of lines for each change, and one for many that take a line each.

    Without *concise* the plan's size decides: many new and deleted objects, and very many changes, take a line each.
    """
    told = ordered(plan.changes) if concise else pieces(plan)
    short = _told_briefly(told) if concise is None else {"create", "update", "delete"} if concise else set()
    brief = [piece for piece in told if isinstance(piece, Change) and piece.action in short]
    shown, more = _first_of_each(brief) if concise is None else (brief, {})
    heading, lines = brief_lines(shown, plan, width, style)
    blocks: list[list[str]] = [[]]
    for piece in told:
        if isinstance(piece, Change) and piece.address not in lines and piece.action in short:
            continue
        if isinstance(piece, Group):
            blocks += [[*_group_lines(piece, plan, width, style)], []]
        elif piece.address in lines:
            blocks[-1] += [*([heading] if heading else []), lines[piece.address]]
            heading = ""
        else:
            blocks += [[*_detailed(piece, plan, width, style)], []]
    blocks.append([_more_line(action, number, style) for action, number in more.items()])
    return ["\n".join(block) for block in blocks if block]


def _first_of_each(brief: Sequence[Change]) -> tuple[list[Change], dict[str, int]]:
    """Return the first changes of each action, and how many more there are; what drifted is always among them."""
    number: Counter[str] = Counter()
    shown: list[Change] = []
    for change in brief:
        number[change.action] += 1
        if number[change.action] <= _MOST_LINES or change.drifted:
            shown.append(change)
    more = number - Counter(change.action for change in shown)
    return shown, dict(sorted(more.items()))


def _more_line(action: str, number: int, style: Style) -> str:
    symbol, done = _DONE[action]
    head = style(f"and {number:,} more {done}", "strong")
    return f"  {style(symbol, _EMPHASIS.get(symbol, 'update'))} {head}; --concise lists them all, --format json in full"


def _told_briefly(told: Sequence[Change | Group]) -> set[str]:
    """Return the actions of which a plan holds too many to tell each at length."""
    alone = [piece.action for piece in told if isinstance(piece, Change)]
    updates = alone.count("update")
    new_and_gone = {"create", "delete"} if len(alone) - updates > _MANY else set()
    return new_and_gone | ({"update"} if updates > _MANY_UPDATES else set())


def _title(change: Change, style: Style) -> str:
    symbol, was = symbol_of(change), f"  was {safe(change.previous)}" if change.previous else ""
    was += "  managed from here again" if change.adopts else ""
    return f"  {style(symbol, _EMPHASIS.get(symbol, 'update'))} {style(safe(change.address), 'strong')}{was}"


def _detailed(change: Change, plan: Plan, width: int, style: Style) -> Iterator[str]:
    now, place, title = plan.read_at, place_of(change), _title(change, style)
    beside = columns(_title(change, plain)) + 2 + columns(place) <= width
    yield f"{title}  {style(place, 'faint')}" if beside and place else title
    if not beside:
        yield style(f"{_INDENT}{place}", "faint")
    yield from _row_lines(rows(change, now), width, style)
    if change.kind == "pipeline" and change.name in plan.graphs:
        yield from _graph_lines(plan.graphs[change.name], width, style)
    table = fire_table(change, now, change.name in plan.held)
    if table:
        yield from _fire_lines(table, width, style)
    yield from _remark_lines(change, now, width, style)
    yield from (f"{_INDENT}{words}" for words in lost_hold_words(change, plan))


def _remark_lines(change: Change, now: int, width: int, style: Style) -> Iterator[str]:
    if change.fires:
        if words := accident_reason(change.fires, now):
            yield from (style(line, "warning") for line in wrap(f"{_INDENT}> {words}", width, f"{_INDENT}  "))
        clocks = (*mark_words(change, now), *clock_words(change, now))
        for words in filter(None, [_moved(change.fires), *clocks]):
            yield from wrap(f"{_INDENT}> {words}", width, f"{_INDENT}  ")
    for words in in_flight_words(change):
        yield from (style(line, "faint") for line in wrap(f"{_INDENT}{words}", width, f"{_INDENT}  "))


def _moved(fires: Fires) -> str:
    words = move_words(fires)
    return f"runs come {words}; none is skipped" if words else ""


def _group_lines(group: Group, plan: Plan, width: int, style: Style) -> Iterator[str]:
    """Return what is told of schedules together that go on as they are, with a changed pipeline."""
    head = count(len(group.changes), "schedule")
    verb = f"run the changed pipeline {safe(group.pipeline)}"
    yield f"  {style('~', 'update')} {style(head, 'strong')}  {verb}"
    inner = f"{_INDENT}  "
    yield from wrap(f"{_INDENT}{safe(listed(group.names, 6))}", width, inner)
    yield from wrap(f"{_INDENT}fires   unchanged{first_run(group, plan.read_at)}", width, inner)
    for words in fate_words(group.in_flight, group.cancels):
        yield from (style(line, "faint") for line in wrap(f"{_INDENT}{words}", width, inner))


def first_run(group: Group, now: int) -> str:
    """Return which schedule is the first to run what changed, and when; an empty text where none fires."""
    first = group.first
    if first is None or first.fires is None:
        return ""
    return f"; the first is {safe(first.name)}, {moment_with_utc(first.fires.after[0], first.fires.timezone, now)}"


def past_lines(change: Change, told: str, now: int, width: int, style: Style) -> list[str]:
    """Return the lines of a change that was applied once: what differed then, without what it meant in time."""
    return [f"{_title(change, style)}  {style(told, 'faint')}".rstrip(), *_row_lines(rows(change, now), width, style)]


def _row_lines(found: tuple[Row, ...], width: int, style: Style) -> Iterator[str]:
    pad = max((columns(row.name) + 1 for row in found), default=0)
    for row in found:
        symbol = style(row.symbol, _EMPHASIS.get(row.symbol, "update"))
        head = f"{_INDENT}{symbol} {row.name}:{' ' * (pad - 1 - columns(row.name))}"
        beneath, value = f"{_INDENT}  {' ' * pad} ", _value(row)
        room = width - len(beneath)
        note = style(row.note, "drift" if row.symbol == "!" else "faint")
        if row.old is not None and (columns(value) > room or runs_leftward(value)):
            yield f"{head} {row.old}"
            yield f"{beneath[:-3]}-> {row.new}"
        elif columns(value) + 2 + len(row.note) <= room or not row.note:
            yield f"{head} {value}" + (f"  {note}" if row.note else "")
            continue
        else:
            yield f"{head} {value}"
        if row.note:
            yield f"{beneath}{note}"


def _graph_lines(graph: GraphChange, width: int, style: Style) -> Iterator[str]:
    """Return what becomes of the graph: the nodes on one line if they fit, then how far that reaches."""
    head, inner = f"{_INDENT}dataflow  ", f"{_INDENT}  "
    nodes = node_parts(graph)
    together = len(head) + sum(len(words) + 4 for _, _, words in nodes) <= width
    shown = [f"{style(symbol, how)} {words}" for symbol, how, words in nodes]
    lines = ["  ".join(shown)] if together and shown else shown
    if lines:
        yield head + lines[0]
        yield from (f"{inner}{line}" for line in lines[1:])
    for number, sentence in enumerate(sentences(graph)):
        start = inner if lines or number else head
        yield from wrap(f"{start}{sentence}", width, f"{inner}  ")


def _value(row: Row) -> str:
    return str(row.new) if row.old is None else f"{row.old} -> {row.new}"


def _fire_lines(table: FireTable, width: int, style: Style) -> Iterator[str]:
    if table.same or table.before is None:
        unchanged = "  unchanged" if table.same and table.after else ""
        zone = f"  {table.zone}" if table.after else ""
        [shown] = _fire_rows([table.after or ()], width - len(_INDENT) - 8 - len(zone) - len(unchanged))
        yield f"{_INDENT}fires   {shown or table.silence}{style(f'{zone}{unchanged}', 'faint')}"
        return
    yield f"{_INDENT}fires   {style(table.zone, 'faint')}"
    before, after = _fire_rows([table.before, table.after or ()], width - len(_INDENT) - 8)
    yield style(f"{_INDENT}  now   {before or 'nothing'}", "delete" if table.after is None else "faint")
    yield style(f"{_INDENT}  then  {after or table.silence}", "create" if table.after else "warning")


def _fire_rows(sides: Sequence[tuple[str, ...]], room: int) -> list[str]:
    """Return the cells of each side in columns that they share, as many as fit, and never less than one."""
    sizes = [max(map(len, column)) for column in zip_longest(*sides, fillvalue="")]
    fitting = sum(sum(sizes[:number]) + 2 * (number - 1) <= room for number in range(1, len(sizes) + 1))
    return [
        "  ".join(cell.ljust(size) for cell, size in zip(cells[: max(1, fitting)], sizes, strict=False)).rstrip()
        for cells in sides
    ]


def _held(plan: Plan, width: int, style: Style) -> list[str]:
    found = []
    held = [(name, hold) for name, hold in sorted(plan.held.items()) if name in plan.after.schedules]
    for name, hold in held[:_MOST_HELD]:
        head = f"‖ schedule.{safe(name)}"
        lines = wrap(f"  {head}  {held_words(hold, plan, name)}", width, "      ")
        found.append(lines[0].replace(head, f"{style('‖', 'warning')} {style(head[2:], 'strong')}", 1))
        found += lines[1:]
    if len(held) > _MOST_HELD:
        found.append(f"  {style('‖', 'warning')} and {count(len(held) - _MOST_HELD, 'more schedule')} held")
    return found


def _watch(plan: Plan, width: int, style: Style) -> list[str]:
    """Return once more, near the last line, what nobody should miss in a long plan."""
    deleted = [change.name for change in plan.changes if change.action == "delete" and change.kind == "schedule"]
    parts: list[tuple[str, Emphasis, str]] = []
    if deleted:
        parts.append(("-", "delete", f"{count(len(deleted), 'schedule')} deleted: {listed(deleted)}"))
    accidents = [
        f"{change.name}: {words}"
        for change in ordered(plan.changes)
        if change.fires and (words := accident_words(change.fires, plan.read_at))
    ]
    parts += [(">", "warning", words) for words in accidents[:_FEW]]
    if len(accidents) > _FEW:
        parts.append((">", "warning", f"and {len(accidents) - _FEW:,} more fires skipped or doubled"))
    drifted = [change.address for change in plan.changes if change.drifted]
    if drifted:
        parts.append(("!", "drift", f"changed in Redis behind git's back: {listed(drifted)}"))
    lines = []
    for sign, how, words in parts:
        first, *others = wrap(f"  {sign} {safe(words)}", width, "    ")
        lines += [first.replace(sign, style(sign, how), 1), *others]
    return lines
