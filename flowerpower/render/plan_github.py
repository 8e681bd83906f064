"""A plan as annotations of a GitHub job: what would be refused, lost, doubled or put back, beside its lines."""

from __future__ import annotations

from collections.abc import Iterator

from flowerpower.planning.plan import Change, Plan
from flowerpower.render.fields import rows
from flowerpower.render.fires import accident_reason
from flowerpower.render.github import MOST_ANNOTATIONS, annotation
from flowerpower.render.load import load_alarms
from flowerpower.render.notes import summary
from flowerpower.render.pieces import ordered
from flowerpower.render.words import count, listed

_MOST_FIELDS = 5
_MOST_NAMES = 20


def plan_github(plan: Plan, *, folder: str = "", all_in: str = "`flowerpower plan`") -> str:
    """Return workflow commands, errors first, at most 10 of a type, and the summary of the plan as the last line.

    *folder* is the project's in its repository, *all_in* says where the annotations are that GitHub would drop.
    """
    lines = []
    for kind, found in (("error", [*_errors(plan)]), ("warning", [*_warnings(plan, folder)])):
        lines += [annotation(kind, properties, message) for properties, message in found[:MOST_ANNOTATIONS]]
        if (rest := len(found) - MOST_ANNOTATIONS) > 0:
            lines.append(f"... and {count(rest, f'more {kind}')}: see {all_in}")
    return "\n".join([*lines, summary(plan)])


def _errors(plan: Plan) -> Iterator[tuple[dict[str, str], str]]:
    for check in plan.refused:
        yield {"title": f"apply would be refused: {check.name}"}, _sentence(check.message, check.hint)


def _warnings(plan: Plan, folder: str) -> Iterator[tuple[dict[str, str], str]]:
    """Yield first what is one line however long the plan is, then what each change adds."""
    deleted = [change.address for change in plan.changes if change.action == "delete" and change.kind == "schedule"]
    if deleted:
        number = count(len(deleted), "schedule")
        yield {"title": f"{number} deleted"}, f"{number} will be deleted: {listed(deleted, _MOST_NAMES)}"
    for head, sentence in load_alarms(plan):
        yield {"title": head}, f"{head}: {sentence}"
    for check in plan.checks:
        if check.verdict == "warn":
            yield {"title": check.name}, _sentence(check.message, check.hint)
    for change in ordered(plan.changes):
        if change.fires and (words := accident_reason(change.fires, plan.read_at)):
            yield _at(change, folder) | {"title": "a fire is lost or doubled"}, f"{change.address}: {words}"
        if change.drifted:
            yield _at(change, folder) | {"title": "changed in Redis behind git's back"}, _drift(change, plan.read_at)


def _drift(change: Change, now: int) -> str:
    found = [row for row in rows(change, now) if row.symbol == "!"]
    shown = ", ".join(f"{row.name}: {row.old} -> {row.new}" for row in found[:_MOST_FIELDS])
    more = f" and {count(len(found) - _MOST_FIELDS, 'more field')}" if len(found) > _MOST_FIELDS else ""
    return f"{change.address} was changed in Redis; apply puts back {shown}{more}"


def _at(change: Change, folder: str) -> dict[str, str]:
    """Return file and line of a change, nothing for one whose spec is gone."""
    file, _, rest = change.place.partition(":")
    return {"file": folder + file, "line": rest.partition(":")[0]} if change.after is not None and file else {}


def _sentence(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message
