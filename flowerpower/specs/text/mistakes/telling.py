"""What a parser's refusal is told as: a mistake of the text if it can be found, else what is known of the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from flowerpower.specs.text.mistakes.recovery import lines_of, rest_of_document, without
from flowerpower.specs.text.mistakes.source import MARK, Mistake, Source
from flowerpower.specs.text.mistakes.structure import first_mistake
from flowerpower.specs.text.syntax import unprintable

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OUR_WORDS = (  # what a parser says, and what is said of it here
    ("version", "specs are YAML 1.2", "remove the %YAML line"),
    ("YAML document", "specs are YAML 1.2", "remove the %YAML line"),
    ("%YAML", "specs are YAML 1.2", "remove the %YAML line"),
    ("directive", "a spec needs no directive", "remove the line that begins with `%`"),
    ("tag", "a text that begins with `!` needs quotes", "put it in quotes, or remove the `!`"),
    ("'>'", "a text that begins with `!` needs quotes", "put it in quotes, or remove the `!`"),
)
_LONGEST = 160  # characters
_NO_WORDS = "this does not fit what stands before it"
_NO_HINT = "check the indentation, the quotes and the brackets of the line and of those above"


class Refusal(NamedTuple):
    """Why a parser stopped, and the text that is left to read, with the numbers of the lines that are not."""

    mistake: Mistake
    known: bool  # False: only what the parser said is known
    text: str
    lines: Sequence[int]


def refusal(text: str, begun: int, reached: int | None, words: str) -> Refusal:
    """Return why a parser did not get past *reached*, in a document that begins at *begun*; *words* are its own."""
    if reached is None and _UNPRINTABLE.search(text):
        return _characters(text)
    reached = reached or 0
    found = first_mistake(text, begun, reached)
    mistake = _short(found or _unknown(text, words, reached))
    mistake = mistake._replace(inside=tuple(map(_short, mistake.inside)))
    return Refusal(mistake, found is not None, without(text, mistake), lines_of(text, mistake))


def in_one_document(refused: Refusal, text: str) -> Refusal:
    """Return why a parser stopped in a text that may hold one document only, which no marker parts in two."""
    if refused.mistake.meant != MARK:
        return refused
    mistake = refused.mistake._replace(hint="remove it: the project file is one document", meant=" ")
    return refused._replace(mistake=mistake, text=without(text, mistake))


def _short(mistake: Mistake) -> Mistake:
    """Return a mistake without an example that is too long to be read."""
    what = mistake.what if len(mistake.what) <= _LONGEST else f"{mistake.what[:_LONGEST]}..."
    return mistake._replace(what=what, hint=mistake.hint if len(mistake.hint) <= _LONGEST else _NO_HINT)


def _unknown(text: str, words: str, reached: int) -> Mistake:
    start, end = rest_of_document(text, reached)
    what, hint = next(((what, hint) for said, what, hint in _OUR_WORDS if said in words), (_NO_WORDS, _NO_HINT))
    return Mistake(min(reached, max(len(text.rstrip()) - 1, 0)), what, hint, start, end, value=False)


def _characters(text: str) -> Refusal:
    """Return the first character that YAML does not allow, and the text without all of them."""
    source = Source(text)
    found = [*_UNPRINTABLE.finditer(text)]
    at = found[0].start()
    what, hint = unprintable(text[at])
    lines = {source.number(one.start()) + 1 for one in found}
    left = _UNPRINTABLE.sub(lambda one: "x" if _begins(source, one.start()) else " ", text)
    return Refusal(Mistake(at, what, hint, at, at), True, left, sorted(lines))


def _begins(source: Source, at: int) -> bool:
    """Tell whether a character is the first of its line and stands before a word, which then keeps its column."""
    before = source.text[source.starts[source.number(at)] : at]
    return not before.strip(" ") and source.text[at + 1 : at + 2].isalnum()
