"""A spec file in the canonical layout, proved to mean what it meant before.

The proof is made for every file and not only in tests: the result is read again, and unless its values, its tokens and
its comments are the same and in the same places, the file is given back as it was, with a problem that says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.layout.layout import lay_out
from flowerpower.specs.layout.tokens import comments_before, read_pieces
from flowerpower.specs.text.yaml import Parsed, parse

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Formatted:
    """What a file should hold, and why it was left as it is where it cannot be formatted."""

    content: bytes
    problems: tuple[Problem, ...] = ()


def format_spec(file: str, content: bytes) -> Formatted:
    """Return a spec file in the canonical layout; one with a mistake in its YAML is returned as it is."""
    before = parse(file, content)
    errors = tuple(problem for problem in before.problems if problem.severity == "error")
    if errors:
        return Formatted(content, errors)
    text = content.removeprefix(_MARK).decode()
    laid_out = lay_out(text)
    if laid_out == text:
        return Formatted(laid_out.encode())
    after = parse(file, laid_out.encode())
    if not (_same_values(before, after) and _meaning(text) == _meaning(laid_out)):
        what = "its layout cannot be changed without changing what it says"
        return Formatted(content, (Problem("FP030", Place(file), what, CODES["FP030"].advice),))
    return Formatted(laid_out.encode())


def _same_values(before: Parsed, after: Parsed) -> bool:
    if any(problem.severity == "error" for problem in after.problems):
        return False
    # As JSON, because Python calls 1, 1.0 and True the same.
    one, other = (json.dumps([document.data for document in parsed.documents]) for parsed in (before, after))
    return one == other


def _meaning(text: str) -> list[object]:
    """Return the tokens and the comments of a text in their order, without the space between them."""
    found: list[object] = []
    begins_line = True
    for piece in read_pieces(text):
        comments = comments_before(piece, text, begins_line=begins_line)
        found += [(comment.text, comment.alone) for comment in comments if comment]
        found.append(piece.meaning)
        begins_line = piece.kind == "block"
    return found
