"""Resolved specs as YAML, with the origin of each value behind it, and as JSON.

The YAML is plain enough for every parser: what could be read as anything but the text it is stands in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowerpower.durations import duration_text
from flowerpower.specs.origins import OriginTree, ValueOrigin
from flowerpower.specs.placeholders import as_written
from flowerpower.specs.text.scalars import NO_VALUE_OF_PYTHON, read_scalar
from flowerpower.state.connection import hide_credentials

if TYPE_CHECKING:
    from pydantic import BaseModel

_DURATIONS = frozenset(
    {
        *((name,) for name in ("every", "timeout", "jitter", "catchup_window", "start_deadline")),
        *((name,) for name in ("result_ttl", "failure_ttl")),
        *(("policies", word, name) for word in ("enforce", "warn") for name in ("min_interval", "max_timeout")),
        ("notify", "remind"),
        ("retry", "intervals"),
    }
)
_WIDTH = 100  # a list longer than this is written one item per line
_FARTHEST = 72  # origins are aligned up to this column
_PLAIN = re.compile(r"(?:\./|[A-Za-z0-9_/])[A-Za-z0-9_./+ -]*(?<! )", re.ASCII)
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})  # of YAML 1.1, in any case
_OLD_NUMBER = re.compile(r"[-+.0-9][-+.0-9_:exobEXOB]*[0-9a-fA-F_.]*", re.ASCII)  # and what may be a number or a date
_UNSEEN = "\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff"  # or moving what is seen
_NEVER = f"\x7f-\x9f\ud800-\udfff\ufff0-\uffff{_UNSEEN}"
_ESCAPED = re.compile(f"[{_NEVER}]")
_BLOCK = re.compile(f"(?! )[^\0-\x08\x0b-\x1f{_NEVER}]*")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    origin: ValueOrigin | None = None


def spec_values(spec: BaseModel) -> dict[str, Any]:
    """Return a resolved spec as plain values that a file may hold, without its environments and any credential."""
    values = as_written(spec.model_dump(mode="json", exclude_none=True, exclude={"environments"}))
    redis = values.get("redis")
    if isinstance(redis, str) and "://" in redis:
        values["redis"] = hide_credentials(redis)
    elif isinstance(redis, dict):
        values["redis"] = {name: _shown(name, value) for name, value in redis.items()}
    return values


def _shown(name: str, value: Any) -> Any:
    if name == "url" and "://" in value:
        return hide_credentials(value)
    return "***" if name.endswith("password") and not value.startswith("${") else value


def spec_yaml(values: Mapping[str, Any], origins: Mapping[str, OriginTree] | None = None) -> str:
    """Return a spec as YAML, which loads to the same spec; *origins* go behind the values as comments.

    It reads back as the same values, but for durations, which are written as people write them.
    """
    lines = list(_mapping(readable(values), origins or {}, 0))
    if origins is None:
        return "".join(f"{line.text}\n" for line in lines)
    column = max((len(line.text) for line in lines if line.origin and len(line.text) <= _FARTHEST), default=0)
    return "".join(
        f"{line.text:{column}}  # {_comment(line.origin)}\n" if line.origin else f"{line.text}\n" for line in lines
    )


def readable(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values with the seconds of durations as `1d12h`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        here = (*path, key)
        if here in _DURATIONS:
            found[key] = [_duration(item) for item in value] if isinstance(value, list) else _duration(value)
        else:
            inside = isinstance(value, dict) and any(duration[: len(here)] == here for duration in _DURATIONS)
            found[key] = readable(value, here) if inside else value
    return found


def _duration(value: Any) -> Any:
    seconds = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return duration_text(value) if seconds else value


def origins_json(tree: OriginTree | Mapping[str, OriginTree]) -> Any:
    """Return origins as JSON values, in the shape of the spec."""
    if isinstance(tree, Mapping):
        return {key: origins_json(inner) for key, inner in tree.items()}
    if isinstance(tree, list):
        return [origins_json(inner) for inner in tree]
    return _origin_json(tree)


@lru_cache(maxsize=5000)
def _origin_json(origin: ValueOrigin) -> dict[str, Any]:
    """Return one origin; most values of most specs have the same, which is then held once."""
    place = origin.place and {"file": origin.place.file, "line": origin.place.line, "column": origin.place.column}
    return {"text": str(origin), "layer": origin.layer, "place": place, "variables": dict(origin.variables)}


def _comment(origin: ValueOrigin) -> str:
    text = str(origin)
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _mapping(values: Mapping[str, Any], origins: OriginTree | Mapping[str, OriginTree], indent: int) -> Iterator[_Line]:
    for key, value in values.items():
        inner = origins.get(key) if isinstance(origins, Mapping) else None
        yield from _value(f"{' ' * indent}{scalar(key)}:", value, inner, indent + 2)


def _value(head: str, value: Any, origins: OriginTree | None, indent: int) -> Iterator[_Line]:
    """Yield the lines of a value behind *head*, which ends in `:` or `-`; what goes below is at *indent*."""
    origin = origins if isinstance(origins, ValueOrigin) else None
    if isinstance(value, dict) and value:
        yield _Line(head, origin)
        yield from _mapping(value, origins if isinstance(origins, dict) else {}, indent)
    elif isinstance(value, list) and not _fits(head, value):
        yield _Line(head, origin)
        for position, item in enumerate(value):
            inner = origins[position] if isinstance(origins, list) else None
            yield from _item(item, inner, indent)
    elif isinstance(value, str) and "\n" in value.strip("\n") and _is_block(value):
        yield _Line(f"{head} {'|' if value.endswith(chr(10)) else '|-'}", origin)
        yield from (_Line(f"{' ' * indent}{line}" if line else "") for line in value.removesuffix("\n").split("\n"))
    else:
        yield _Line(f"{head} {_flow(value)}", origin)


def _item(value: Any, origins: OriginTree | None, indent: int) -> Iterator[_Line]:
    """Yield the lines of one item of a list; the first key of a mapping stands beside the dash."""
    lines = list(_value(f"{' ' * indent}-", value, origins, indent + 2))
    if isinstance(value, dict) and value:
        first = lines[1]
        yield _Line(f"{' ' * indent}- {first.text.lstrip()}", first.origin)
        yield from lines[2:]
    else:
        yield from lines


def _fits(head: str, items: list[Any]) -> bool:
    plain = not any(isinstance(item, (dict, list)) and item for item in items)
    return plain and len(head) + len(_flow(items)) < _WIDTH


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return "{}" if isinstance(value, dict) else scalar(value)


def _is_block(text: str) -> bool:
    lines = text.split("\n")
    return (
        _BLOCK.fullmatch(text) is not None
        and not text.endswith("\n\n")
        and not any(line != line.rstrip() or line.startswith("\t") for line in lines)
        and bool(lines[0])
    )


def scalar(value: Any) -> str:
    """Return one plain value, or a key, as YAML."""
    return _text(value) if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=5000)
def _text(value: str) -> str:
    """Return a text as YAML; thousands of specs have the same keys and many of the same values."""
    odd = value.lower() in _OLD_WORDS or _OLD_NUMBER.fullmatch(value) or read_scalar(value) != value
    odd = odd or value == NO_VALUE_OF_PYTHON  # of which validate would warn
    if _PLAIN.fullmatch(value) and not odd:
        return value
    return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
