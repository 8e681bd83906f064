"""What an editor shows and inserts for a part of a schema: texts for hover, skeletons for completion.

The keywords are those of VS Code's language servers; other tools pass over them. The shapes are tried with the real
yaml-language-server, in `tests/editor`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowerpower.durations import duration_text
from flowerpower.specs.codes import SITE
from flowerpower.specs.fields import plain

_FIRST = ("title", "description", "markdownDescription")
_NEEDS_QUOTES = re.compile(r"^[\s@*&!%#`|>{\[\]},?-]|: |^$|[{}\[\],*]|^[\d.]+$")
_Path = tuple[str, ...]


def anchor(path: Iterable[str]) -> str:
    """Return the anchor of a key in the reference, `schedule-retry-max`."""
    return "-".join(path)


def told(schema: Mapping[str, Any], path: _Path) -> dict[str, Any]:
    """Return the schema of a key with its texts for people: the default in words, an example, a link."""
    text = with_default(schema)
    link = f"[Reference]({SITE}/docs/specs#{anchor(path)})"
    mapping = _mapping_in(schema)
    shown = f"\n\nExample:\n\n```yaml\n{as_yaml(schema['examples'][0])}\n```" if mapping else ""
    rest = {key: value for key, value in schema.items() if key not in (*_FIRST, "default")}
    if mapping:  # as an example an editor would offer it as `[object Object]`
        del rest["examples"]
    if mapping and isinstance(schema["examples"][0], dict):
        body = _Snippet().of(schema["examples"][0])
        label = f"{schema['title']} (example)"
        rest["defaultSnippets"] = [{"label": label, "description": "An example to change.", "body": body}]
    words = {"title": schema["title"], "description": plain(text), "markdownDescription": f"{text}{shown}\n\n{link}"}
    return {**words, **rest}


def with_default(schema: Mapping[str, Any]) -> str:
    """Return the description of a key, which ends with the default where there is one that fits in a line."""
    text = str(schema["description"])
    default = schema.get("default")
    if "Default:" in text or default is None or isinstance(default, (list, dict)) or default == "":
        return text
    return f"{text} Default: `{_written(default, schema)}`."


def as_yaml(value: Any, indent: str = "") -> str:
    """Return an example as a spec writes it: mappings in block style, lists of scalars in flow style."""
    if isinstance(value, dict) and value:
        return "\n".join(f"{indent}{key}:{_below(inner, indent)}" for key, inner in value.items())
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = [as_yaml(item, f"{indent}  ") for item in value]
        return "\n".join(f"{indent}- {item.lstrip()}" for item in items)
    if isinstance(value, list):
        return f"[{', '.join(as_yaml(item) for item in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if _NEEDS_QUOTES.search(value) else value
    return json.dumps(value)


def _below(value: Any, indent: str) -> str:
    nested = (isinstance(value, dict) and value) or (
        isinstance(value, list) and any(isinstance(x, dict) for x in value)
    )
    return f"\n{as_yaml(value, f'{indent}  ')}" if nested else f" {as_yaml(value)}"


def _mapping_in(schema: Mapping[str, Any]) -> bool:
    example = schema["examples"][0]
    return isinstance(example, dict) or (isinstance(example, list) and any(isinstance(item, dict) for item in example))


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
