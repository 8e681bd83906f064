"""A plan as text, in Terraform's layout: what changes first, notes after, one line of counts last.

A reader must see in five seconds what is deleted, what fires differently and what stands in the way.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowerpower.planning.dataflow import GraphChange
from flowerpower.planning.plan import Change, Plan
from flowerpower.render.dataflow import counts, node_parts, sentences
from flowerpower.render.fields import Row, rows
from flowerpower.render.fires import SHOWN, FireTable, cut_over_words, fire_table, mark_words, next_fire
from flowerpower.render.load import load_lines
from flowerpower.render.notes import held_words, in_flight_words, notes, origin, summary
from flowerpower.render.style import Emphasis, Style, plain
from flowerpower.render.words import count, listed, safe, wrap

SYMBOLS = {"create": "+", "update": "~", "delete": "-"}
RENAMED, ADOPTED = "»", "="
_EMPHASIS: dict[str, Emphasis] = {
    "+": "create",
    "~": "update",
    RENAMED: "update",
    ADOPTED: "update",
    "-": "delete",
    "!": "drift",
}
_ORDER = {"delete": 0, "update": 1, "create": 2}
_MANY = 30  # above this, new objects take one line each
_FEW = 5  # above this, what nobody should miss is said once more at the end
_INDENT = " " * 6
_NARROWEST = 40


def plan_text(plan: Plan, *, width: int = 80, style: Style = plain, concise: bool = False) -> str:
    """Return the plan for people; the last line has Terraform's shape, and there is no line break after it."""
    width = max(width, _NARROWEST)
    blocks = [style(origin(plan), "faint"), *change_blocks(plan, width, style, concise)]
    beside = (load_lines(plan, width, style), _held(plan, width, style), *notes(plan, width, style))
    blocks += ["\n".join(lines) for lines in beside if lines]
    if len(plan.changes) > _FEW:
        blocks += ["\n".join(_watch(plan, style))] if list(_watch(plan, style)) else []
    blocks.append(style(summary(plan), "strong"))
    return "\n\n".join(blocks)


def symbol_of(change: Change) -> str:
    """Return the sign that stands before a change."""
    if change.adopts:
        return ADOPTED
    return RENAMED if change.previous else SYMBOLS[change.action]


def ordered(plan: Plan) -> list[Change]:
    """Return the changes as people want to read them: deletes, drift, updates, then what is new."""
    return sorted(plan.changes, key=_urgency)


def _urgency(change: Change) -> tuple[int, bool, bool, str]:
    return (_ORDER[change.action], not change.drifted, change.kind != "schedule", change.name)


def change_blocks(plan: Plan, width: int, style: Style, concise: bool = False) -> list[str]:
    """Return a block of lines for each change, or one for many that say little."""
    changes = ordered(plan)
    brief = sum(_says_little(change) for change in changes) > _MANY
    blocks: list[str] = []
    lines: list[str] = []
    for change in changes:
        if concise or (brief and _says_little(change)):
            lines.append(_brief(change, plan, style))
        else:
            blocks.append("\n".join(_detailed(change, plan, width, style)))
    return [*blocks, "\n".join(lines)] if lines else blocks


def _says_little(change: Change) -> bool:
    """Tell whether one line is enough when there are many: not for drift and changed fields."""
    return change.action != "update" or {field.reason for field in change.fields} == {"pipeline"}


def _title(change: Change, style: Style) -> str:
    symbol, was = symbol_of(change), f"  was {safe(change.previous)}" if change.previous else ""
    was += "  managed from here again" if change.adopts else ""
    return f"  {style(symbol, _EMPHASIS.get(symbol, 'update'))} {style(safe(change.address), 'strong')}{was}"


def _brief(change: Change, plan: Plan, style: Style) -> str:
    now = plan.read_at
    words = ["drift"] if change.drifted else []
    if change.action == "update":
        words.append(", ".join(dict.fromkeys(row.name.partition(".")[0] for row in rows(change, now))))
    if change.kind == "pipeline" and (graph := plan.graphs.get(change.name)) and (sign := counts(graph)):
        words.append(sign)
    if change.fires and change.action == "delete":
        words.append(f"was to fire {next_fire(change.fires, change.fires.before, now)}")
    elif change.fires:
        words.append(f"next {next_fire(change.fires, change.fires.after, now)}")
        words += [style(sentence, "warning") for sentence in cut_over_words(change.fires, now)]
    return f"{_title(change, style)}  {'; '.join(words)}".rstrip()


def _detailed(change: Change, plan: Plan, width: int, style: Style) -> Iterator[str]:
    where = place_of(change)
    yield f"{_title(change, style)}  {style(where, 'faint')}".rstrip()
    yield from _row_lines(rows(change, plan.read_at), width, style)
    if change.kind == "pipeline" and change.name in plan.graphs:
        yield from _graph_lines(plan.graphs[change.name], width, style)
    table = fire_table(change, plan.read_at, change.name in plan.held)
    if table:
        yield from _fire_lines(table, width, style)
    if change.fires:
        for words in cut_over_words(change.fires, plan.read_at):
            yield f"{_INDENT}{style(f'> {words}', 'warning')}"
        for words in mark_words(change.fires, plan.read_at):
            yield f"{_INDENT}{style(f'> {words}', 'warning')}"
    yield from (f"{_INDENT}{style(words, 'faint')}" for words in in_flight_words(change))


def past_lines(change: Change, told: str, now: int, width: int, style: Style) -> list[str]:
    """Return the lines of a change that was applied once: what differed then, without what it meant in time."""
    return [f"{_title(change, style)}  {style(told, 'faint')}".rstrip(), *_row_lines(rows(change, now), width, style)]


def place_of(change: Change) -> str:
    """Return file and line of a change, or why there is none."""
    if change.after is None and change.why:
        return safe(change.why) + ("; protected" if change.protected else "")
    if change.after is None:
        return "no longer in the specs" if not change.protected else "no longer in the specs; protected"
    return safe(":".join(change.place.split(":")[:2]))


def _row_lines(found: tuple[Row, ...], width: int, style: Style) -> Iterator[str]:
    pad = max((len(row.name) + 1 for row in found), default=0)
    for row in found:
        symbol = style(row.symbol, _EMPHASIS.get(row.symbol, "update"))
        name = f"{row.name}:".ljust(pad)
        one_line = f"{_value(row)}" + (f"  {row.note}" if row.note else "")
        if len(_INDENT) + 3 + pad + len(one_line) <= width:
            note = f"  {style(row.note, _note_emphasis(row))}" if row.note else ""
            yield f"{_INDENT}{symbol} {name} {_value(row)}{note}"
            continue
        if row.old is not None and len(_INDENT) + 3 + pad + len(_value(row)) > width:
            yield f"{_INDENT}{symbol} {name} {row.old}"
            yield f"{_INDENT}{' ' * pad}-> {row.new}"
        else:
            yield f"{_INDENT}{symbol} {name} {_value(row)}"
        if row.note:
            yield f"{_INDENT}  {' ' * pad} {style(row.note, _note_emphasis(row))}"


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


def _note_emphasis(row: Row) -> Emphasis:
    return "drift" if row.symbol == "!" else "faint"


def _value(row: Row) -> str:
    return str(row.new) if row.old is None else f"{row.old} -> {row.new}"


def _fire_lines(table: FireTable, width: int, style: Style) -> Iterator[str]:
    if table.same or table.before is None:
        unchanged = f"  {style('unchanged', 'faint')}" if table.same and table.after else ""
        zone = f"  {table.zone}" if table.after else ""
        yield _fire_row(f"{_INDENT}fires   ", table.after or (), table, width - len(zone)) + zone + unchanged
        return
    yield f"{_INDENT}fires   {style(table.zone, 'faint')}"
    before = (
        _fire_row(f"{_INDENT}  now   ", table.before, table, width) if table.before else f"{_INDENT}  now   nothing"
    )
    yield style(before, "delete") if table.before else before
    yield style(
        _fire_row(f"{_INDENT}  then  ", table.after or (), table, width), "create" if table.after else "warning"
    )


def _fire_row(start: str, cells: tuple[str, ...], table: FireTable, width: int) -> str:
    """Return as many cells as fit, in columns that both sides share."""
    if not cells:
        return start + table.silence
    size = max(len(cell) for cell in (*(table.before or ())[:SHOWN], *(table.after or ())[:SHOWN]))
    fitting = max(1, (width - len(start) + 2) // (size + 2))
    return start + "  ".join(cell.ljust(size) for cell in cells[: min(SHOWN, fitting)]).rstrip()


def _held(plan: Plan, width: int, style: Style) -> list[str]:
    found = []
    for name, hold in sorted(plan.held.items()):
        if name in plan.after.schedules:
            head = f"‖ schedule.{safe(name)}"
            lines = wrap(f"  {head}  {held_words(hold, plan, name)}", width, "      ")
            found.append(lines[0].replace(head, f"{style('‖', 'warning')} {style(head[2:], 'strong')}", 1))
            found += lines[1:]
    return found


def _watch(plan: Plan, style: Style) -> Iterator[str]:
    """Return once more, near the last line, what nobody should miss in a long plan."""
    deleted = [change.name for change in plan.changes if change.action == "delete" and change.kind == "schedule"]
    if deleted:
        yield f"  {style('-', 'delete')} {count(len(deleted), 'schedule')} deleted: {safe(listed(deleted))}"
    for change in ordered(plan):
        if change.fires and change.fires.verdict in ("skipped", "twice"):
            words = "; ".join(cut_over_words(change.fires, plan.read_at))
            yield f"  {style('>', 'warning')} {safe(change.name)}: {words}"
    drifted = [change.address for change in plan.changes if change.drifted]
    if drifted:
        yield f"  {style('!', 'drift')} changed in Redis behind git's back: {safe(listed(drifted))}"
