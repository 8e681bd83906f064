"""The canonical layout of a YAML text. Only space is moved: every token, comment and quote stays as it was written.

Indentation follows from depth alone: two columns for each collection, sequences too. A line that begins inside
brackets stands under the first item when that is on the bracket's own line, else two columns right of that line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from flowerpower.specs.layout.multiline import STEP, block_scalar, continued_lines
from flowerpower.specs.layout.tokens import BREAK, Comment, Kind, Piece, comments_before, read_pieces
from flowerpower.specs.text.width import columns

_EXPECTS: tuple[Kind, ...] = ("key", "value", "entry", "property")  # something inside them may follow


def lay_out(text: str) -> str:
    """Return the text in the canonical layout; its line ends are those of its first line. yaml.YAMLError if no YAML."""
    first = BREAK.search(text)
    ending = first[0] if first and first[0] in ("\r\n", "\r") else "\n"
    layout = _Layout(text)
    for piece in read_pieces(text):
        layout.add(piece)
    lines = _finished(layout.lines, cut_off=layout.cut_off)
    return "\n".join(lines).replace("\n", ending)


@dataclass(slots=True)
class _Line:
    """A line of the result: code, and perhaps a comment behind it, or one that goes on below such a comment."""

    code: str = ""
    comment: str = ""
    column: int = -1  # where the comment was
    fixed: bool = False  # inside a scalar: it stays, also when it is blank

    @property
    def is_blank(self) -> bool:
        """Whether it only keeps others apart."""
        return not (self.code or self.comment or self.fixed)


@dataclass(slots=True)
class _Bracket:
    """An open bracket, and the columns of lines that begin inside it."""

    column: int
    line: int  # the column of the line it opened in
    items: int = -1  # -1: nothing inside it was written yet
    end: int = 0

    def place(self, *, first_is_below: bool) -> None:
        """Settle the columns, once it is known where the first item stands."""
        self.items = self.line + STEP if first_is_below else self.column + 1
        self.end = self.line if first_is_below else self.column


class _Layout:
    """Writes the pieces one after the other."""

    def __init__(self, text: str) -> None:
        self.lines: list[_Line] = []
        self.cut_off = False  # whether the last line has no end
        self._text = text
        self._before: Piece | None = None
        self._brackets: list[_Bracket] = []
        self._inside: int | None = None  # the column of this line, when it began inside brackets

    def add(self, piece: Piece) -> None:
        """Write the next piece, and the comments before it."""
        before = self._before
        begins_line = before is None or before.kind == "block"
        comments = list(comments_before(piece, self._text, begins_line=begins_line))
        breaks = begins_line or piece.kind == "end" or BREAK.search(piece.gap) is not None
        if before and before.kind == "entry" and _is_inside(before, piece) and not any(comments):
            breaks = False  # `-` and its first line belong together
        if self._brackets and self._brackets[-1].items < 0:
            self._brackets[-1].place(first_is_below=breaks)
        if breaks:
            for comment in comments:
                self._comment(comment, piece)
            self._begin_line(piece)
        elif before:
            self.lines[-1].code += _separator(before.kind, piece.kind)
        self._write(piece)
        self._before = piece

    def _comment(self, comment: Comment | None, following: Piece) -> None:
        last = self.lines[-1] if self.lines else _Line()
        if comment is None:
            if not last.is_blank:
                self.lines.append(_Line())
        elif not comment.alone:
            last.comment, last.column = comment.text, comment.column
        elif last.comment and last.column == comment.column:
            self.lines.append(_Line(comment=comment.text, column=comment.column))
        else:
            column = self._brackets[-1].items if self._brackets else _comment_column(comment, self._before, following)
            self.lines.append(_Line(" " * column + comment.text))

    def _begin_line(self, piece: Piece) -> None:
        if self._brackets:
            bracket = self._brackets[-1]
            self._inside = bracket.end if piece.kind == "close" else bracket.items
            self.lines.append(_Line(" " * self._inside))
        else:
            self._inside = None
            self.lines.append(_Line(" " * _column(piece)))

    def _write(self, piece: Piece) -> None:
        line = self.lines[-1]
        if piece.kind == "open":
            self._brackets.append(_Bracket(columns(line.code), self._line_of_bracket(piece)))
        elif piece.kind == "close":
            self._brackets.pop()
        if piece.kind == "block":
            self._write_block(piece)
        elif piece.kind == "scalar" and BREAK.search(piece.text):
            self._write_lines(piece)
        else:
            line.code += piece.text

    def _line_of_bracket(self, piece: Piece) -> int:
        code = self.lines[-1].code
        if not code.strip():
            return len(code)
        if self._inside is not None:
            return self._inside
        # An inner bracket may not close in the column of the block around the outer one.
        return max(0, STEP * (len(piece.blocks) - 1)) + (STEP if self._brackets else 0)

    def _write_block(self, piece: Piece) -> None:
        line = self.lines[-1]
        scalar = block_scalar(piece.text, piece.blocks)
        line.code += scalar.mark
        if scalar.comment:
            before = self._text[: piece.start].rpartition("\n")[2]
            line.comment, line.column = scalar.comment, columns(before) + scalar.comment_column
        self.lines += [_Line(content, fixed=True) for content in scalar.lines]
        self.cut_off = scalar.cut_off
        if scalar.blank_below:
            self.lines.append(_Line())

    def _write_lines(self, piece: Piece) -> None:
        first, *others = continued_lines(piece.text)
        self.lines[-1].code += first
        column = (self._brackets[-1].items + STEP) if self._brackets else STEP * max(1, len(piece.blocks))
        self.lines += [_Line(" " * column + content if content else "", fixed=True) for content in others]
        if self._brackets:
            self._inside = column


def _is_inside(outer: Piece, piece: Piece) -> bool:
    """Tell whether a piece is inside the key, value or item that the piece before it begins."""
    return outer.kind in _EXPECTS and (not piece.leads or len(piece.blocks) > len(outer.blocks))


def _column(piece: Piece) -> int:
    return max(0, STEP * (len(piece.blocks) - piece.leads))


def _comment_column(comment: Comment, before: Piece | None, following: Piece) -> int:
    """Return the column of a comment that stands alone: that of the collection it is written in."""
    lowest = _column(following)
    if before is None or _is_inside(before, following) or comment.column == following.column:
        return lowest
    depths = (depth for depth, column in enumerate(before.blocks) if column >= comment.column)
    depth = next(depths, len(before.blocks))  # right of them all: below the value before it
    if before.kind == "block":
        depth = min(depth, len(before.blocks) - 1)  # in the column of the scalar it would be a part of it
    return max(lowest, STEP * depth)


def _separator(before: Kind, kind: Kind) -> str:
    """Return the space between two pieces of one line."""
    if before == "open":
        return ""
    if kind == "value":
        return " " if before in ("alias", "property", "comma") else ""
    if kind in ("comma", "close"):
        return " " if before in ("property", "value", "key") else ""
    return " "


def _finished(lines: list[_Line], *, cut_off: bool) -> Iterator[str]:
    """Yield the lines without surplus blank ones; comments that were in one column are in one column again."""
    *lines, end = lines
    while lines and lines[-1].is_blank:
        lines.pop()
    for _, paragraph in groupby(lines, key=lambda line: line.is_blank):
        yield from _aligned(list(paragraph))
    if not cut_off:
        yield end.code


def _aligned(lines: Iterable[_Line]) -> Iterator[str]:
    places: dict[int, int] = {}
    for line in lines:
        if line.comment:
            places[line.column] = max(places.get(line.column, 0), columns(line.code) + 1)
    for line in lines:
        space = " " * (places[line.column] - columns(line.code)) if line.comment else ""
        yield f"{line.code}{space}{line.comment}"
