"""A plan as the sticky comment of a pull request.

A hidden header for machines, what is deleted or skipped first, a table, details folded. A comment that had to be cut
says so in its header, and can never count as approval.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowerpower.planning.plan import Change, Plan
from flowerpower.render.dataflow_markdown import MOST_DRAWINGS, dataflow_blocks
from flowerpower.render.fields import rows
from flowerpower.render.fires import cut_over_words, mark_words, next_fire, zone_label
from flowerpower.render.load import load_alarms, load_details
from flowerpower.render.notes import held_words, in_flight_words, side_notes, summary
from flowerpower.render.plan_text import ordered, place_of, symbol_of
from flowerpower.render.words import count, listed, safe, short
from flowerpower.render.words import free_text as _text

LIMIT = 65_536  # characters of a comment on GitHub
_SHORTEST_ROW = 20  # characters of the table's rows
_OPEN_BELOW = 10  # lines of a diff that are shown unfolded
_DIFF_MARK = {"+": "+", "-": "-", "~": "!", "!": "!"}


def plan_markdown(plan: Plan, *, plan_hash: str = "", limit: int = LIMIT) -> str:
    """Return the comment, at most *limit* characters: graphs are cut first, then details, then rows of the table."""
    details = _details(plan, ordered(plan), limit)
    for cut in _CUTS:
        if (cut.details and details is None) or (cut.table is None and len(plan.changes) * _SHORTEST_ROW > limit):
            continue
        text = _comment(plan, plan_hash, cut, details or "")
        if len(text) <= limit:
            return text
    return text[:limit]


@dataclass(frozen=True, slots=True)
class _Cut:
    """How much is shown: drawings, pipelines whose graph differs, details, rows of the table.

    Graphs are no part of what is approved, so a comment with fewer of them is not truncated.
    """

    drawings: int = 0
    graphs: int | None = None
    details: bool = True
    table: int | None = None

    @property
    def truncated(self) -> bool:
        return not self.details or self.table is not None


_CUTS = (
    *(_Cut(drawings) for drawings in (MOST_DRAWINGS, 5, 2, 1)),
    *(_Cut(graphs=graphs) for graphs in (None, 100, 25, 0)),
    *(_Cut(graphs=0, details=False, table=table) for table in (None, 400, 100, 10, 0)),
)


def _comment(plan: Plan, plan_hash: str, cut: _Cut, details: str) -> str:
    changes, table, truncated = ordered(plan), cut.table, cut.truncated
    blocks = [_header(plan, plan_hash, truncated), f"## {_title(plan)}", *_alarms(plan)]
    if changes:
        blocks.append("\n".join(_table(plan, changes if table is None else changes[:table], len(changes))))
    if cut.details:
        blocks += [*filter(None, [details]), *dataflow_blocks(plan, cut.drawings, cut.graphs), *load_details(plan)]
    blocks += [f"- {line}" for line in _held(plan)]
    blocks += [f"_{_text(sentence)}_" for sentence in side_notes(plan)]
    if truncated:
        blocks.append("_Cut to fit: this comment shows less than the plan. Run `flowerpower plan` for all of it._")
    blocks.append(_footer(plan, plan_hash))
    return "\n\n".join(blocks) + "\n"


def _header(plan: Plan, plan_hash: str, truncated: bool) -> str:
    values = {
        "namespace": plan.namespace,
        "env": plan.env,
        "plan_hash": "" if truncated else plan_hash,  # a comment that shows less than the plan approves nothing
        "commit": plan.source.commit,
        "truncated": truncated,
    }
    text = json.dumps(values).replace("<", "\\u003c").replace(">", "\\u003e")  # nothing in it ends the comment
    return f"<!-- flowerpower {text} -->"


def _title(plan: Plan) -> str:
    return f"Plan ({plan.env}): {summary(plan).removeprefix('Plan: ')}"


def _alarms(plan: Plan) -> Iterator[str]:
    """Return what must be seen first: refusals, deletes, skipped and doubled fires, drift, warnings."""
    caution = [f"**{check.name}**: {_text(check.message)}. {_sentence(check.hint)}" for check in plan.refused]
    if caution:
        yield _alert("CAUTION", ["Apply would be refused.", *caution])
    lines = []
    deleted = [change.name for change in plan.changes if change.action == "delete" and change.kind == "schedule"]
    if deleted:
        lines.append(f"**{count(len(deleted), 'schedule')} will be deleted**: {_text(listed(deleted))}")
    for change in ordered(plan):
        if change.fires:
            lines += [f"**{_text(change.name)}**: {words}" for words in cut_over_words(change.fires, plan.read_at)]
    drifted = [change.address for change in plan.changes if change.drifted]
    if drifted:
        lines.append(f"**Changed in Redis behind git's back**, will be put back: {_text(listed(drifted))}")
    lines += [_text(sentence) for sentence in load_alarms(plan)]
    lines += [f"{_text(check.message)} ({safe(check.hint)})" for check in plan.checks if check.verdict == "warn"]
    if lines:
        yield _alert("WARNING", lines)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{safe(text[1:])}." if text else ""


def _alert(kind: str, lines: list[str]) -> str:
    return "\n".join([f"> [!{kind}]", *(f"> {line}  " for line in lines)])


def _table(plan: Plan, changes: list[Change], total: int) -> Iterator[str]:
    yield "| | What | Change | Next fire before | after | Zone | File |"
    yield "|---|---|---|---|---|---|---|"
    for change in changes:
        yield "| " + " | ".join(_cells(change, plan.read_at)) + " |"
    if len(changes) < total:
        yield f"| | and {total - len(changes):,} more | | | | | |"


def _cells(change: Change, now: int) -> list[str]:
    fires = change.fires
    before = next_fire(fires, fires.before, now) if fires else ""
    after = next_fire(fires, fires.after, now) if fires else ""
    if fires and after != before and change.action == "update":
        after = f"**{after}**"
    zone = _text(zone_label(fires.timezone)) if fires and (fires.before or fires.after) else ""
    return [
        f"`{symbol_of(change)}`",
        _code(change.address),
        _words(change, now),
        before,
        after,
        zone,
        _text(place_of(change)),
    ]


def _words(change: Change, now: int) -> str:
    if change.action != "update":
        return {"create": "new", "delete": "**deleted**"}[change.action]
    names = dict.fromkeys(row.name.partition(".")[0] for row in rows(change, now))
    renamed = [f"renamed, was `{safe(change.previous)}`"] if change.previous else []
    renamed += ["managed from here again"] if change.adopts else []
    return ", ".join([*renamed, *([_text(listed(names))] if names else [])]) + (
        " **(drift)**" if change.drifted else ""
    )


def _details(plan: Plan, changes: list[Change], limit: int) -> str | None:
    """Return the changes field by field; None, before all are looked at, if that is longer than *limit*."""
    lines: list[str] = []
    length = 0
    for line in (line for change in changes for line in _diff_lines(change, plan)):
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


def _diff_lines(change: Change, plan: Plan) -> Iterator[str]:
    found = rows(change, plan.read_at)
    remarks = [*in_flight_words(change)]
    if change.fires:
        remarks += [*cut_over_words(change.fires, plan.read_at), *mark_words(change.fires, plan.read_at)]
    if not found and not remarks:
        return
    yield f"@@ {safe(change.address)} @@"
    for row in found:
        arrow = str(row.new) if row.old is None else f"{row.old} -> {row.new}"
        yield f"{_DIFF_MARK[row.symbol]} {row.name}: {arrow}" + (f"  # {row.note}" if row.note else "")
    yield from (f"# {words}" for words in remarks)


def _held(plan: Plan) -> Iterator[str]:
    for name, hold in sorted(plan.held.items()):
        yield f"{_code(f'‖ schedule.{name}')} {_text(held_words(hold, plan, name))}"


def _footer(plan: Plan, plan_hash: str) -> str:
    plan_name = f"Plan `{short(plan_hash)}`" if plan_hash else "Planned"
    return f"<sub>{plan_name} at `{short(plan.source.commit) or 'unknown'}` against apply {plan.head.generation}</sub>"


def _code(text: str) -> str:
    """Return a text as code that it cannot end, not even the cell that it stands in."""
    shown = safe(text).replace("|", "\\|")
    if "`" not in shown:
        return f"`{shown}`"
    fence = "`" * (1 + max(len(run) for run in re.findall(r"`+", shown)))
    return f"{fence} {shown} {fence}"
