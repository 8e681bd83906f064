"""A house's own rules, beside those that `policies:` can say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowerpower.checking import Finding, PlanCheck, Specs


def house_rules(specs: Specs) -> Iterator[Finding]:
    """Yield what is wrong; the specs are plain values, as `flowerpower render` shows them."""
    for name, schedule in specs.schedules.items():
        owner = schedule.get("owner") or ""
        if not owner.endswith("@example.org"):
            yield Finding(
                code="HOUSE1",
                message=f"the owner {owner!r} has no address here" if owner else "it has no owner",
                address=f"schedule.{name}",
                field="owner" if owner else "",
                hint="name a team as team@example.org",
            )
        if schedule["timezone"] != "UTC" and specs.env == "prod":
            yield Finding("HOUSE2", "what runs in prod runs in UTC", "warning", f"schedule.{name}", "timezone")


def kept_gold(plan: dict[str, Any]) -> Iterator[Finding]:
    """Yield what may not be changed like that; the plan is the document that `plan --json` prints."""
    for change in plan["resource_changes"]:
        before = change["change"]["before"] or {}
        if change["change"]["actions"] == ["delete"] and before.get("labels", {}).get("tier") == "gold":
            yield Finding(
                "HOUSE3", "gold is not deleted at once", address=change["address"], hint="pause it for a week"
            )


KEPT_GOLD = PlanCheck(kept_gold)
