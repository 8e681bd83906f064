"""A plan with its hash, and the ways to show it, to keep it and to read it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowerpower.errors import UsageError

if TYPE_CHECKING:
    from flowerpower.planning.guards import Allowed
    from flowerpower.planning.plan import Check, Plan
    from flowerpower.planning.selection import Selection


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """A plan and its hash, with the ways to show it."""

    plan: Plan
    hash: str
    allowed: Allowed

    def __repr__(self) -> str:
        from flowerpower.render.notes import summary

        refused = f" Refused: {', '.join(check.name for check in self.plan.refused)}." if self.plan.refused else ""
        return f"<PlannedChanges of {self.plan.namespace}: {summary(self.plan)}{refused}>"

    def __bool__(self) -> bool:
        return bool(self.plan.changes)

    def with_checks(self, checks: tuple[Check, ...]) -> PlannedChanges:
        """Return the plan with more of what guards say."""
        return replace(self, plan=replace(self.plan, checks=(*self.plan.checks, *checks)))

    def to_text(self, width: int = 80) -> str:
        """Return the plan for a terminal of that many columns, without colours."""
        from flowerpower.render.plan_text import plan_text

        return plan_text(self.plan, width=width)

    def to_markdown(self, limit: int | None = None) -> str:
        """Return the plan as the comment of a pull request; of at most so many characters, without it as GitHub's."""
        from flowerpower.render.plan_markdown import LIMIT, plan_markdown

        return plan_markdown(self.plan, plan_hash=self.hash, limit=limit or LIMIT)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a JSON document."""
        from flowerpower.render.plan_json import plan_dict

        return plan_dict(self.plan, plan_hash=self.hash)

    def only(self, selection: Selection) -> PlannedChanges:
        """Return the selected changes, for a closer look: without a hash, and never to be saved or applied.

        Raises `UsageError` for a pattern that matches nothing.
        """
        from flowerpower.planning.selection import nearest_address, select, unmatched

        unknown = unmatched(self.plan, selection)
        if unknown:
            meant, form = nearest_address(self.plan, unknown[0]), "an address is schedule.NAME or pipeline.NAME"
            hint = f"did you mean {meant!r}?" if meant else f"{form}; a * in it stands for any letters"
            raise UsageError(f"nothing has an address like {unknown[0]!r}", hint=hint)
        return PlannedChanges(select(self.plan, selection), "", self.allowed)

    def to_file(self) -> bytes:
        """Return the plan as the file that `apply` takes: exactly these changes, or nothing."""
        from flowerpower.planning.saved import dump_plan

        if self.plan.partial:
            raise UsageError("a part of a plan is not saved", hint="save the whole plan")
        return dump_plan(self.plan, self.allowed)

    @classmethod
    def from_file(cls, raw: bytes) -> PlannedChanges:
        """Return the plan in a file; raise `PlanFileError` for one that is damaged or of another version."""
        from flowerpower.planning.saved import load_plan

        saved = load_plan(raw)
        return cls(saved.plan, saved.plan_hash, saved.overrides)
