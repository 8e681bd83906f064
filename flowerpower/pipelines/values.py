"""Turns what a spec says into what a node of Hamilton's wants."""

from __future__ import annotations

from typing import Any

from flowerpower.specs import typed


def coerce(value: Any, kind: Any) -> Any:
    """Return *value* as *kind*, see `specs.typed`; raises ValueError, with a sentence for the user."""
    return typed.coerce(value, kind, _is_a)


def _is_a(value: Any, kind: Any) -> bool:
    """Tell whether Hamilton takes a value for a *kind* that pydantic does not know."""
    from hamilton import htypes

    try:
        return value is not None and htypes.check_input_type(kind, value)
    except TypeError:
        return True  # neither can tell
