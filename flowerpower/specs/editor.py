"""What an editor shows and inserts for a part of a schema: texts for hover, skeletons for completion.

The keywords are those of VS Code's language servers; other tools pass over them. The shapes are tried with the real
yaml-language-server, in `tests/editor`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowerpower.specs.fields import duration_text, plain

SITE = "https://flowerpower-gitops.github.io"

_FIRST = ("title", "description", "markdownDescription")
_Path = tuple[str, ...]


def anchor(path: Iterable[str]) -> str:
    """Return the anchor of a key in the reference, `schedule-retry-max`."""
    return "-".join(path)


def told(schema: Mapping[str, Any], path: _Path) -> dict[str, Any]:
    """Return the schema of a key with its texts for people: the default in words, and a link to the reference."""
    text = with_default(schema)
    link = f"[Reference]({SITE}/docs/specs#{anchor(path)})"
    words = {"title": schema["title"], "description": plain(text), "markdownDescription": f"{text}\n\n{link}"}
    rest = {key: value for key, value in schema.items() if key not in (*_FIRST, "default")}
    return with_skeleton({**words, **rest})


def with_default(schema: Mapping[str, Any]) -> str:
    """Return the description of a key, which ends with the default where there is one that fits in a line."""
    text = str(schema["description"])
    default = schema.get("default")
    if "Default:" in text or default is None or isinstance(default, (list, dict)) or default == "":
        return text
    return f"{text} Default: `{_written(default, schema)}`."


def with_skeleton(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a mapping so that completing its key inserts its first example, with places to change.

    An editor that finds examples beside a skeleton inserts neither, so they move into a part of their own.
    """
    examples = schema.get("examples", [])
    if not examples or not isinstance(examples[0], dict):
        return schema
    kept = {key: value for key, value in schema.items() if key != "examples"}
    snippet = {"label": schema["title"], "description": "An example to change.", "body": _Snippet().of(examples[0])}
    return {**kept, "allOf": [*schema.get("allOf", []), {"examples": examples}], "defaultSnippets": [snippet]}


def skeletons(snippets: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the skeletons of whole files as an editor reads them."""
    return [
        {
            "label": snippet["label"],
            "description": plain(snippet["description"]),
            "markdownDescription": snippet["description"],
            "body": snippet["body"],
        }
        for snippet in snippets
    ]


def _written(default: Any, schema: Mapping[str, Any]) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    is_duration = isinstance(default, int) and "string" in schema.get("type", ())
    return duration_text(default) if is_duration else str(default)


class _Snippet:
    """Numbers the places of a snippet in the order of reading."""

    def __init__(self) -> None:
        self._places = 0

    def of(self, value: Any) -> Any:
        """Return a value with a numbered place for each scalar in it."""
        if value == {}:
            return "{}"
        if isinstance(value, dict):
            return {key: self.of(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        self._places += 1
        text = value if isinstance(value, str) else json.dumps(value)
        escaped = re.sub(r"([$}\\])", r"\\\1", text)
        return f"${{{self._places}:{escaped}}}"
