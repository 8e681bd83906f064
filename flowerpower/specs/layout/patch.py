"""Other values in a spec file, everything else as it was: comments, order, quotes and indentation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_INDENTS = ((2, 4, 2), (2, 2, 0), (4, 4, 2), (4, 6, 4), (4, 4, 0))  # of mappings, of items, of their dashes
_WIDE = 100_000  # no line is broken


def with_values(text: str, wanted: Mapping[str, Any], names: Collection[str]) -> str:
    """Return the text of a spec, one mapping, in which the fields *names* are as *wanted* has them.

    A name that is not wanted is removed. Inside a mapping only what differs is touched. Raises ValueError where the
    text cannot be read or written that way.
    """
    from ruamel.yaml.error import YAMLError

    try:
        yaml, data = _loaded(text)
        for name in names:
            _put(data, name, wanted)
        return _dumped(yaml, data)
    except (YAMLError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its layout cannot be kept: {str(error).partition(chr(10))[0]}") from error


def _loaded(text: str) -> tuple[Any, Any]:
    """Return a writer that writes the text as it is, if there is one, and the text's data."""
    first = None
    for indents in _INDENTS:
        yaml = _yaml(text, indents)
        data = yaml.load(text)
        if _dumped(yaml, data) == text:
            return yaml, yaml.load(text)
        first = first or yaml
    return first, first.load(text) if first else None


def _yaml(text: str, indents: tuple[int, int, int]) -> Any:
    from ruamel.yaml import YAML

    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    yaml.encoding = None  # texts, no bytes
    yaml.explicit_start = any(line.startswith("---") for line in text.splitlines())
    yaml.indent(mapping=indents[0], sequence=indents[1], offset=indents[2])
    return yaml


def _dumped(yaml: Any, data: Any) -> str:
    written = _Written()
    yaml.dump(data, written)
    return "".join(written.parts)


class _Written:
    """What ruamel.yaml writes to: it asks for no more of a stream."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, part: str) -> None:
        self.parts.append(part)


def _put(data: Any, name: str, wanted: Mapping[str, Any]) -> None:
    """Let one entry of a mapping be as it is wanted, or not be there."""
    if name not in wanted:
        data.pop(name, None)
        return
    old, new = data.get(name), wanted[name]
    if isinstance(old, dict) and isinstance(new, dict) and new:
        for key in [*new, *(key for key in old if key not in new)]:
            if key not in new or key not in old or _differs(old[key], new[key]):
                _put(old, key, new)
    else:
        data[name] = _styled(old, new)


def _differs(old: Any, new: Any) -> bool:
    return type(old) is bool or type(new) is bool or old != new or isinstance(old, float) != isinstance(new, float)


def _styled(old: Any, new: Any) -> Any:
    """Return a value in the style of the one that it replaces: its quotes, or its brackets."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import ScalarString

    if isinstance(new, str) and isinstance(old, ScalarString):
        return type(old)(new)
    if isinstance(new, list):
        items = CommentedSeq(_styled(None, item) for item in new)
        plain = not any(isinstance(item, dict | list) for item in new)
        in_brackets = old.fa.flow_style() if isinstance(old, CommentedSeq) else plain
        if in_brackets:
            items.fa.set_flow_style()
        else:
            items.fa.set_block_style()
        return items
    if isinstance(new, dict):
        inside = CommentedMap((key, _styled(None, value)) for key, value in new.items())
        if not new or (isinstance(old, CommentedMap) and old.fa.flow_style()):
            inside.fa.set_flow_style()
        return inside
    return new
