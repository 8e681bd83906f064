"""Where a document that is not sound is only a guess: the values that cannot be read, and those that are there twice.

Only files with mistakes come here, after they were read with positions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowerpower.errors import Place
from flowerpower.specs.text.documents import Document, Guess, Path
from flowerpower.specs.text.lines import LINE_END

if TYPE_CHECKING:
    from flowerpower.specs.text.composer import Composer

_TWICE = "FP011"
_OF_A_VALUE = frozenset(["FP012", "FP013", "FP019"])  # a tag, an alias, a number: what stands beside it is as written
_OF_A_KEY = frozenset(["FP016", "FP017", "FP021"])  # which may stand for others
_EVERYTHING = (Guess(()),)


def with_guesses(composer: Composer, content: bytes) -> tuple[Document, ...]:
    """Return the documents of a composer, those that are not sound with what is a guess in them.

    Of the *content* of the file the composer may have read a part only.
    """
    lines = LINE_END.split(content.decode("utf-8", "replace").removeprefix("\ufeff"))
    codes = {one.place: one.code for one in composer.problems if one.code in {_TWICE, *_OF_A_VALUE, *_OF_A_KEY}}
    return tuple(
        document._replace(guesses=_guesses(composer, document, codes, lines)) if not document.sound else document
        for document in composer.documents
    )


def _guesses(
    composer: Composer, document: Document, codes: Mapping[Place, str], lines: Sequence[str]
) -> tuple[Guess, ...]:
    """Return what is a guess in a document; all of it, if a mistake cannot be told to be in one part.

    A mistake that is nowhere stands in a value that another one of the same key replaces.
    """
    if not codes and not document.holes:  # as where a `%YAML` line is all that is wrong
        return ()
    found = [*_marked(composer, document.data, (), codes)]
    if document.holes:
        found += [Guess((), usable=True), *_with_holes(composer, document, lines)]
    start = composer.place(composer.starts[document.number])
    if not found or codes.get(start) in {_TWICE, *_OF_A_VALUE}:  # as if another spec began, or a tag of all
        return _EVERYTHING
    return tuple(dict.fromkeys(found))


def _marked(composer: Composer, node: Any, path: Path, codes: Mapping[Place, str]) -> Iterator[Guess]:
    offsets = composer.offsets.get(id(node), {})
    for step, (key_at, value_at) in offsets.items():
        of_key, of_value = codes.get(composer.place(key_at)), codes.get(composer.place(value_at))
        here = (*path, step)
        if of_key == _TWICE:
            yield Guess(here, usable=True)
        elif of_key in _OF_A_KEY or (of_key in _OF_A_VALUE and key_at != value_at):
            yield Guess(path)
        if of_value in _OF_A_VALUE:
            yield Guess(here)
        yield from _marked(composer, node[step], here, codes)


def _with_holes(composer: Composer, document: Document, lines: Sequence[str]) -> Iterator[Guess]:
    """Yield the first keys whose values begin in lines that cannot be read, or which such lines stand under.

    So does the key before, if its value is a block: a stray line may have parted it.
    """
    offsets = composer.offsets.get(id(document.data), {})
    places = [(composer.place(key_at).line, composer.place(at).line, step) for step, (key_at, at) in offsets.items()]
    places.sort(key=lambda place: place[0])
    starts = [line for line, *_ in places]
    for number in document.holes:
        above = bisect_right(starts, number)
        if above and any(line.strip() and not line[0].isalpha() for line in lines[number - 1 : number]):
            yield Guess((places[above - 1][2],), usable=True)  # the line begins no key of its own
            before = places[above - 2 : above - 1]
            yield from (Guess((step,), usable=True) for line, value_line, step in before if value_line > line)
    holes = frozenset(document.holes)
    yield from (Guess((step,)) for _, value_line, step in places if value_line in holes)
