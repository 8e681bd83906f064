"""The tokens of a YAML text, each with the space and the comments before it: nothing of the text is left out.

What a parser throws away, comments, blank lines, indentation and quotes, is what a layout is made of. So the layout is
made from the scanner's tokens, not from values: whatever is not moved stays exactly as its author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from flowerpower.specs.text.width import columns

Kind = Literal[
    "directive",
    "start",
    "end",
    "key",
    "value",
    "entry",
    "open",
    "close",
    "comma",
    "property",
    "alias",
    "scalar",
    "block",
]
"""`start` and `end` are `---` and `...` (the text's own end too), `key` is `?`, `value` is `:`, `entry` is `-`, `open`
and `close` are brackets, `property` is an anchor or a tag, `block` is a scalar after `|` or `>`."""

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_SCANNER: Any = yaml.CLoader if yaml.__with_libyaml__ else yaml.Loader
_KINDS: dict[str, Kind] = {
    "DirectiveToken": "directive",
    "DocumentStartToken": "start",
    "DocumentEndToken": "end",
    "StreamEndToken": "end",
    "KeyToken": "key",
    "ValueToken": "value",
    "BlockEntryToken": "entry",
    "FlowSequenceStartToken": "open",
    "FlowMappingStartToken": "open",
    "FlowSequenceEndToken": "close",
    "FlowMappingEndToken": "close",
    "FlowEntryToken": "comma",
    "AnchorToken": "property",
    "TagToken": "property",
    "AliasToken": "alias",
    "ScalarToken": "scalar",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A token that can be seen, and where it stands."""

    kind: Kind
    gap: str  # spaces, line ends and comments between the token before it and this one
    text: str
    meaning: object  # what may never change: its value and style
    start: int
    column: int
    blocks: tuple[int, ...]  # the columns of the block collections around it, the outermost first
    leads: bool  # in the column of the innermost block when it begins a line, not right of it


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in a gap, and where it stands."""

    text: str
    column: int
    alone: bool  # nothing but spaces before it on its line


def read_pieces(text: str) -> Iterator[Piece]:
    """Yield every token of a text, the end of the text last; yaml.YAMLError where it is not YAML."""
    blocks = _Blocks()
    done = 0
    leads = False
    for token in yaml.scan(text, Loader=_SCANNER):
        name = type(token).__name__
        start, end = token.start_mark.index, token.end_mark.index
        column = token.start_mark.column
        blocks.see(name, column)
        if name not in _KINDS or (name == "KeyToken" and start == end):
            leads = leads or name == "KeyToken"
            continue
        kind = _kind(name, token)
        yield Piece(
            kind,
            text[done:start],
            text[start:end],
            (name, getattr(token, "value", None), getattr(token, "plain", None), getattr(token, "style", None)),
            start,
            column,
            tuple(column for _, column in blocks.open),
            leads or kind in ("key", "value", "entry", "start", "end", "directive"),
        )
        done, leads = end, False


def comments_before(piece: Piece, text: str, *, begins_line: bool) -> Iterator[Comment | None]:
    """Yield the comments before a piece and, as None, blank lines; *begins_line* if the gap is not behind a token."""
    offset = piece.start - len(piece.gap)
    first, *others = ["", *BREAK.split(piece.gap)] if begins_line else BREAK.split(piece.gap)
    if comment := first.strip(" \t"):
        before = text[_line_start(text, offset) : offset + len(first) - len(first.lstrip(" \t"))]
        yield Comment(comment, columns(before), alone=False)
    for number, line in enumerate(others, start=1):
        comment = line.strip(" \t")
        if comment or number < len(others):
            yield Comment(comment, len(line) - len(line.lstrip(" \t")), alone=True) if comment else None


def _kind(name: str, token: Any) -> Kind:
    return "block" if name == "ScalarToken" and token.style in ("|", ">") else _KINDS[name]


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


class _Blocks:
    """The block collections around a token. A sequence in the column of its key has no tokens of its own."""

    def __init__(self) -> None:
        self.open: list[tuple[str, int]] = []
        self._brackets = 0

    def see(self, name: str, column: int) -> None:
        """Take note of the next token."""
        if name in ("BlockMappingStartToken", "BlockSequenceStartToken"):
            self.open.append((name, column))
        elif name == "BlockEndToken":
            self._leave_unmarked()
            self.open.pop()
        elif name in ("FlowSequenceStartToken", "FlowMappingStartToken"):
            self._brackets += 1
        elif name in ("FlowSequenceEndToken", "FlowMappingEndToken"):
            self._brackets -= 1
        elif name == "BlockEntryToken":
            if not self.open or self.open[-1][0] == "BlockMappingStartToken":
                self.open.append(("unmarked", column))
        elif name in ("KeyToken", "ValueToken") and not self._brackets:
            self._leave_unmarked()

    def _leave_unmarked(self) -> None:
        while self.open and self.open[-1][0] == "unmarked":
            self.open.pop()
