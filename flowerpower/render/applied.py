"""What an apply did, in one line and as JSON."""

from __future__ import annotations

from typing import Any, Protocol


class AppliedCounts(Protocol):
    """The part of an apply's result that is shown."""

    @property
    def apply_id(self) -> str: ...  # noqa: D102
    @property
    def generation(self) -> int: ...  # noqa: D102
    @property
    def added(self) -> int: ...  # noqa: D102
    @property
    def changed(self) -> int: ...  # noqa: D102
    @property
    def destroyed(self) -> int: ...  # noqa: D102
    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102


def applied_text(applied: AppliedCounts) -> str:
    """Return the last line of an apply, in Terraform's words."""
    return f"Apply complete: {applied.added} added, {applied.changed} changed, {applied.destroyed} destroyed."


def applied_dict(applied: AppliedCounts) -> dict[str, Any]:
    """Return the result of an apply as a JSON document."""
    return {
        "format_version": "1.0",
        "apply_id": applied.apply_id,
        "generation": applied.generation,
        "summary": {"add": applied.added, "change": applied.changed, "remove": applied.destroyed, "operation": "apply"},
        "notes": list(applied.notes),
    }
