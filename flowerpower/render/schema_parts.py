"""Small pieces that the schemas of documents are put together of, each with a description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
TICK = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


def object_of(
    description: str, properties: Schema, *, required: Sequence[str] = (), optional: Sequence[str] = ()
) -> Schema:
    """Return the schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required) or [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def mapping_of(description: str, values: Schema) -> Schema:
    """Return the schema of an object whose values are all alike."""
    return {"type": "object", "description": description, "additionalProperties": values}


def list_of(description: str, items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "description": description, "items": items}


def text(description: str, nullable: bool = False, pattern: str = "") -> Schema:
    """Return the schema of a text."""
    kind: Schema = {"type": ["string", "null"] if nullable else "string", "description": description}
    return kind | ({"pattern": pattern} if pattern else {})


def tick(description: str, nullable: bool = False) -> Schema:
    """Return the schema of a moment."""
    return text(f"{description} ISO 8601, UTC.", nullable, TICK)


def choice(description: str, values: Sequence[str]) -> Schema:
    """Return the schema of one of some words."""
    return {"type": "string", "description": description, "enum": list(values)}


def number(description: str, nullable: bool = False) -> Schema:
    """Return the schema of a whole number that is not negative."""
    return {"type": ["integer", "null"] if nullable else "integer", "description": description, "minimum": 0}


def any_number(description: str) -> Schema:
    """Return the schema of a number that is not negative, or of null."""
    return {"type": ["number", "null"], "description": description, "minimum": 0}


def flag(description: str) -> Schema:
    """Return the schema of true and false."""
    return {"type": "boolean", "description": description}


def nullable(schema: Schema) -> Schema:
    """Return the schema of the same, or of null."""
    return {"description": schema.get("description", "Null when there is none."), "anyOf": [schema, {"type": "null"}]}
