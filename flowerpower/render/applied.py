"""What an apply did, in one line and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowerpower.apply import Applied


def applied_text(applied: Applied) -> str:
    """Return the last line of an apply, in Terraform's words."""
    taken = f"{applied.imported} imported, " if applied.imported else ""
    return f"Apply complete: {taken}{applied.added} added, {applied.changed} changed, {applied.destroyed} destroyed."


def applied_dict(applied: Applied) -> dict[str, Any]:
    """Return the result of an apply as a JSON document."""
    return {
        "format_version": "1.0",
        "apply_id": applied.apply_id,
        "generation": applied.generation,
        "summary": {
            "add": applied.added,
            "change": applied.changed,
            "import": applied.imported,
            "remove": applied.destroyed,
            "operation": "apply",
        },
        "notes": list(applied.notes),
    }
