"""A plan as the sticky comment of a pull request.

A hidden header for machines, what is deleted or skipped first, a table narrow enough for a phone, details folded. A
comment that had to be cut says so in its header, and can never count as approval.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowerpower.planning.plan import Change, Fires, Plan
from flowerpower.render.dataflow import counts
from flowerpower.render.dataflow_markdown import MOST_DRAWINGS, dataflow_blocks
from flowerpower.render.fields import Row, rhythm, rows
from flowerpower.render.fires import (
    SHOWN,
    accident_reason,
    clock_words,
    fire_table,
    is_same,
    mark_words,
    move_words,
    silence_of,
    zone_label,
)
from flowerpower.render.load import load_alarms, load_details
from flowerpower.render.notes import (
    fate_words,
    held_words,
    in_flight_words,
    lost_hold_words,
    origin,
    side_notes,
    summary,
)
from flowerpower.render.pieces import Group, ordered, pieces, place_of, symbol_of
from flowerpower.render.words import (
    GLUE,
    code_span,
    count,
    listed,
    moment,
    runs_leftward,
    safe,
    short,
    spoken,
    typed,
    unbroken,
    wrap,
)
from flowerpower.render.words import free_text as _text

LIMIT = 65_536  # characters of a comment on GitHub
_SHORTEST_ROW = 20  # characters of the table's rows
_OPEN_BELOW = 20  # lines of a diff that are shown unfolded
_LONGEST_LINE = 72  # of a diff, with the old value and the new one side by side
_LONGEST_NAME = 20  # on one line of the table
_MOST_HELD = 20
_MOST_NAMES = 5
_DIFF_MARK = {"+": "+", "-": "-", "~": "!", "!": "!"}


def plan_markdown(plan: Plan, *, plan_hash: str = "", limit: int = LIMIT) -> str:
    """Return the comment, at most *limit* characters: graphs are cut first, then details, then rows of the table."""
    told = pieces(plan)
    details = [_details(plan, told, spare, limit) for spare in (0, 1, 2)]
    for cut in _CUTS:
        shown = details[cut.spare] if cut.details else ""
        if shown is None or (cut.table is None and len(told) * _SHORTEST_ROW > limit):
            continue
        text = _comment(plan, plan_hash, cut, told, shown)
        if len(text) <= limit:
            return text
    return text[:limit]


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much is shown: drawings, graphs that differ, details without fires (1) and files (2), rows of the table.

    Every change stands in the details, and graphs, fires and files are no part of what is approved: only a comment
    without the details is truncated.
    """

    drawings: int = 0
    graphs: int | None = None
    spare: int = 0
    details: bool = True
    table: int | None = None

    @property
    def truncated(self) -> bool:
        return not self.details


_CUTS = (
    *(_Cut(drawings) for drawings in (MOST_DRAWINGS, 5, 2, 1)),
    *(_Cut(graphs=graphs) for graphs in (None, 100, 25, 0)),
    *(_Cut(graphs=0, spare=1, table=table) for table in (None, 200, 50, 10)),
    _Cut(graphs=0, spare=2, table=10),
    *(_Cut(graphs=0, details=False, table=table) for table in (None, 400, 100, 10, 0)),
)


def _comment(plan: Plan, plan_hash: str, cut: _Cut, told: Sequence[Change | Group], details: str) -> str:
    truncated = cut.truncated or plan.partial
    plan_hash = "" if truncated else plan_hash  # a comment that shows less than the plan approves nothing
    blocks = [_header(plan, plan_hash, truncated), f"## {_title(plan)}"]
    if plan.against or plan.source.rollback_of:
        blocks.append(_text(origin(plan)))
    blocks += _alarms(plan)
    if told:
        blocks.append("\n".join(_table(plan, told, cut)))
    if cut.details:
        blocks += [*filter(None, [details]), *dataflow_blocks(plan, cut.drawings, cut.graphs), *load_details(plan)]
    beside = [*_held(plan), *(f"- {_with_code(sentence)}" for sentence in side_notes(plan))]
    blocks += ["\n".join(beside)] if beside else []
    if cut.truncated:
        whole = code_span(typed("flowerpower plan", plan.env))
        blocks.append(f"_Cut to fit: this comment shows less than the plan. Run {whole} for all of it._")
    blocks.append(_footer(plan, plan_hash))
    return "\n\n".join(blocks) + "\n"


def _header(plan: Plan, plan_hash: str, truncated: bool) -> str:
    values = {
        "namespace": plan.namespace,
        "env": plan.env,
        "plan_hash": plan_hash,
        "commit": plan.source.commit,
        "truncated": truncated,
    }
    return hidden_header(values)


def hidden_header(values: Mapping[str, object]) -> str:
    """Return the line that makes a comment known as ours, and that nobody sees."""
    text = json.dumps(values).replace("<", "\\u003c").replace(">", "\\u003e")  # nothing in it ends the comment
    return f"<!-- flowerpower {text} -->"


def _title(plan: Plan) -> str:
    return f"Plan ({_text(plan.namespace)}): {summary(plan).removeprefix('Plan: ')}"


def _alarms(plan: Plan) -> Iterator[str]:
    """Return what must be seen first: refusals, deletes, skipped and doubled fires, drift, warnings."""
    refused = [f"**{check.name}**: {_text(check.message)}. {_advice(check.hint)}" for check in plan.refused]
    if refused:
        yield _alert("CAUTION", ["**Apply would be refused.**"], refused)
    lines = [*_losses(plan)]
    drifted = [change.address for change in plan.changes if change.drifted]
    if drifted:
        verb = "was" if len(drifted) == 1 else "were"
        names = f"{_names(drifted)}; apply puts back what git says"
        lines.append(f"**{count(len(drifted), 'object')} {verb} changed in Redis behind git's back**: {names}")
    lines += [f"**{_text(head)}**: {_text(words)}" for head, words in load_alarms(plan)]
    lines += [
        f"**{check.name}**: {_text(check.message)}. {_advice(check.hint)}".rstrip()
        for check in plan.checks
        if check.verdict == "warn"
    ]
    if lines:
        yield _alert("WARNING", [], lines)


def _losses(plan: Plan) -> Iterator[str]:
    """Return what will not run any more, or not as often, or twice."""
    deleted = [change.name for change in plan.changes if change.action == "delete" and change.kind == "schedule"]
    if deleted:
        yield f"**{count(len(deleted), 'schedule')} will be deleted**: {_names(deleted)}"
    for verdict, what, words in (("skipped", "fire", "will be skipped"), ("twice", "run", "will happen twice")):
        hit = [change for change in ordered(plan.changes) if change.fires and change.fires.verdict == verdict]
        found = (_accident(change.name, change.fires, plan.read_at) for change in hit if change.fires)
        told = [accident for accident in found if accident]
        if told:
            yield f"**{count(len(told), what)} {words}**: {listed(told, _MOST_NAMES)}"


def _accident(name: str, fires: Fires, now: int) -> str:
    found = fires.lost if fires.verdict == "skipped" else fires.gained
    if not found:
        return ""
    before = fires.passed if fires.verdict == "twice" else None
    after = "" if before is None else f" (after {spoken(before, fires.timezone, now)})"
    return f"{spoken(found[0], fires.timezone, now)} of {code_span(name)}{after}"


def _names(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(map(code_span, names[:_MOST_NAMES])) + (f" and {rest:,} more" if rest > 0 else "")


def _advice(text: str) -> str:
    return f"{text[:1].upper()}{_flags_as_code(safe(text[1:]))}." if text else ""


def _with_code(sentence: str) -> str:
    """Return a sentence with what stands between its backticks as code, and nothing else of it as markup."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:  # one has no other
        return _flags_as_code(_text(sentence))
    return "".join(code_span(part) if at % 2 else _flags_as_code(_text(part)) for at, part in enumerate(parts))


def _flags_as_code(text: str) -> str:
    """Return a text with commands and flags as code, so that no line breaks within them."""
    return (
        text
        if "`" in text
        else re.sub(r"(?<!\S)(flowerpower [a-z]+(?: --env \S+)?|--[a-z-]+\b(?: [A-Z|%0-9]{1,8}\b)?)", r"`\1`", text)
    )


def _alert(kind: str, paragraphs: list[str], items: list[str]) -> str:
    lines = [*paragraphs, *(f"- {item}" for item in items)]
    return "\n".join([f"> [!{kind}]", *(f"> {line}" for line in lines)])


def _table(plan: Plan, told: Sequence[Change | Group], cut: _Cut) -> Iterator[str]:
    most = cut.table
    zones = Counter(zone_label(change.fires.timezone) for change in plan.changes if change.fires)
    usual = zones.most_common(1)[0][0] if zones else ""
    head = f"Next fire<br>{_text(usual)}" if usual else "Next fire"
    yield f"| What | {head} | Change |"
    yield "|---|---|---|"
    for piece in told[:most]:
        cells = _group_cells(piece, usual, plan) if isinstance(piece, Group) else _cells(piece, usual, plan)
        yield f"| {' | '.join(cells)} |"
    if most is not None and len(told) > most:
        yield f"| and {len(told) - most:,} more | | {'see below, field by field' if cut.details else ''} |"


def _cells(change: Change, usual: str, plan: Plan) -> tuple[str, ...]:
    name = change.name if change.kind == "schedule" else change.address
    return _label(symbol_of(change), name), _when(change, usual, plan), "; ".join(_words(change, plan))


def _label(symbol: str, name: str) -> str:
    """Return symbol and name as code; a long name on several lines, so that a phone shows the next fire beside it."""
    lines = [""]
    for part in re.findall(r"[^_.-]*[_.-]+|[^_.-]+", name):
        if lines[-1] and len(lines[-1]) + len(part) > _LONGEST_NAME:
            lines.append("")
        lines[-1] += part
    return "<br>".join([code_span(f"{symbol} {lines[0]}").replace(" ", GLUE, 1), *map(code_span, lines[1:])])


def _group_cells(group: Group, usual: str, plan: Plan) -> tuple[str, ...]:
    words = f"run the changed {code_span(group.pipeline)}"
    when = _when(group.first, usual, plan) if group.first else ""
    return f"`~{GLUE}{len(group.changes):,}{GLUE}schedules`", when, words


def _when(change: Change, usual: str, plan: Plan) -> str:
    """Return the next fire before and after, and the zone where it is not the one of the heading."""
    fires = change.fires
    if fires is None or not (fires.before or fires.after or change.after):
        return ""
    old, new = (_moment(ticks, fires, plan.read_at) for ticks in (fires.before, fires.after))
    new = new or silence_of(change, change.name in plan.held).removeprefix("nothing: it is ")
    if change.action == "create" or old == new:
        lines = [new]
    else:
        lines = [f"~~{old}~~"] * bool(old) + [f"**{new}**"] * (change.action != "delete")
    zone = zone_label(fires.timezone)
    return "<br>".join([*lines, *([_text(zone)] if zone != usual and (old or fires.after) else [])])


def _moment(ticks: tuple[int, ...], fires: Fires, now: int) -> str:
    return unbroken(moment(ticks[0], fires.timezone, now)) if ticks else ""


def _words(change: Change, plan: Plan) -> Iterator[str]:
    if change.action == "delete":
        yield "**deleted**, protected" if change.protected else "**deleted**"
        yield from map(_text, lost_hold_words(change, plan))
    if change.action == "create":
        yield f"new: {code_span(rhythm(change))}"
    if change.previous:
        yield f"renamed, was {code_span(change.previous.partition('.')[2])}"
    if change.adopts:
        yield "managed from here again"
    if change.action == "update":
        names = dict.fromkeys(row.name.partition(".")[0] for row in rows(change, plan.read_at))
        drift = "**drift**: " if change.drifted else ""
        yield from [drift + _text(listed(names))] if names else []
    if change.kind == "pipeline" and (graph := plan.graphs.get(change.name)) and (sign := counts(graph)):
        yield _text(sign)
    if change.fires and (moved := move_words(change.fires)):
        yield unbroken(moved)


def _details(plan: Plan, told: Sequence[Change | Group], spare: int, limit: int) -> str | None:
    """Return the changes field by field; None, before all are looked at, if that is longer than *limit*."""
    lines: list[str] = []
    length = 0
    for line in (line for piece in told for line in _piece_lines(piece, plan, spare)):
        lines.append(line)
        length += len(line)
        if length > limit:
            return None
    if not lines:
        return ""
    body = "\n".join(lines).replace("<!--", "<\\!--")  # the one header of the comment is its first line
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", body) or [""]))
    is_open = " open" if len(lines) < _OPEN_BELOW else ""
    return f"<details{is_open}><summary>Field by field</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>"


def _piece_lines(piece: Change | Group, plan: Plan, spare: int) -> Iterator[str]:
    if isinstance(piece, Change):
        yield from _diff_lines(piece, plan, spare)
        return
    yield f"@@ {count(len(piece.changes), 'schedule')} @@"
    yield f"! runs: the changed pipeline {safe(piece.pipeline)}"
    yield from wrap(f"# {safe(', '.join(piece.names))}", _LONGEST_LINE, "# ")
    yield from (f"# {words}" for words in fate_words(piece.in_flight, piece.cancels))


def _diff_lines(change: Change, plan: Plan, spare: int) -> Iterator[str]:
    found = rows(change, plan.read_at)
    remarks = [*(_fire_remarks(change, plan) if not spare else ()), *in_flight_words(change)]
    if change.fires:
        remarks += filter(None, [accident_reason(change.fires, plan.read_at), *mark_words(change, plan.read_at)])
        remarks += clock_words(change, plan.read_at) if not spare else ()
    was = f", was {safe(change.previous)}" if change.previous else ""
    yield f"@@ {safe(change.address)} @@ {place_of(change) if spare < 2 else ''}{was}".rstrip()
    if change.action == "delete":
        yield f"- fires: {rhythm(change)}" if change.kind == "schedule" else f"- {rhythm(change)}"
    for row in found:
        yield from _diff_row(row)
    yield from (f"# {words}" for words in remarks)


def _diff_row(row: Row) -> Iterator[str]:
    """Return the old and the new value side by side, or one above the other where that reads better."""
    note = f"  # {row.note}" if row.note else ""
    if row.old is None:
        yield f"{_DIFF_MARK[row.symbol]} {row.name}: {row.new}{note}"
        return
    values = f"{row.old} -> {row.new}"
    if len(row.name) + len(values) + len(note) < _LONGEST_LINE and not runs_leftward(values):
        yield f"{_DIFF_MARK[row.symbol]} {row.name}: {values}{note}"
        return
    yield f"- {row.name}: {row.old}"
    yield f"+ {row.name}: {row.new}"
    yield from [note.strip()] if note else []


def _fire_remarks(change: Change, plan: Plan) -> Iterator[str]:
    """Return the next fires of both sides, nothing where they stay as they are."""
    table = fire_table(change, plan.read_at, change.name in plan.held)
    if table is None or is_same(change):
        return
    zone = f" {table.zone}"
    for label, cells in (("now:  ", table.before), ("then: ", table.after)):
        if cells:
            yield f"{label}{', '.join(cells[:SHOWN])}{zone}"
            zone = ""


def _held(plan: Plan) -> Iterator[str]:
    held = sorted(plan.held.items())
    for name, hold in held[:_MOST_HELD]:
        yield f"- {code_span(f'‖ {name}')} {_text(held_words(hold, plan, name))}"
    if len(held) > _MOST_HELD:
        yield f"- and {count(len(held) - _MOST_HELD, 'more schedule')} held"


def _footer(plan: Plan, plan_hash: str) -> str:
    plan_name = f"Plan `{short(plan_hash)}`" if plan_hash else "Planned"
    return f"<sub>{plan_name}, {_text(origin(plan))}</sub>"
