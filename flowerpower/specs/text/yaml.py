"""Text to values with positions, by the rules of YAML 1.2 core: quickly where it is plain, exactly where it is not.

Positions are noted only for files that turn out to need them: those are parsed once more, by the composer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from flowerpower.errors import Place
from flowerpower.specs.text.documents import Document, Parsed
from flowerpower.specs.text.plain_yaml import read_plain

if TYPE_CHECKING:
    from flowerpower.specs.text.composer import Composer

__all__ = ["Document", "Parse", "Parsed", "find", "parse", "parse_exactly", "parse_once", "with_positions"]

Parse = Callable[[str, bytes], Parsed]
"""What makes documents of a file: `parse`, or what remembers them."""


def parse(file: str, content: bytes) -> Parsed:
    """Return the documents of a spec file; never raises, every mistake is a Problem."""
    with suppress(UnicodeDecodeError):
        if (found := read_plain(content.decode())) is not None:
            data, line, leaves_open = found
            return Parsed((Document(file, 0, line, data, True, (), leaves_open),), ())
    return parse_exactly(file, content)


def parse_once() -> Parse:
    """Return a `parse` that parses each file once, however often that is asked; the contents may not change."""
    known: dict[str, Parsed] = {}

    def parsed(file: str, content: bytes) -> Parsed:
        found = known.get(file)
        if found is None:
            found = known[file] = parse(file, content)
        return found

    return parsed


def parse_exactly(file: str, content: bytes) -> Parsed:
    """Return what `parse` does, by the composer alone."""
    from flowerpower.specs.text.attempts import compose

    composer = compose(file, content, positions=False)
    if not composer.problems:
        return Parsed(tuple(composer.documents), ())
    from flowerpower.specs.text.guesses import with_guesses  # only a mistake needs it

    composer = compose(file, content, positions=True)
    return Parsed(with_guesses(composer, content), tuple(composer.problems))


def find(file: str, number: int, content: bytes, path: Sequence[str | int], *, key: bool = False) -> tuple[Place, int]:
    """Return the place of the value (or *key*) at *path* of a document, and how many steps of the path exist."""
    composer = with_positions(file, content)
    if number >= len(composer.documents):
        return Place(file), 0
    offset, depth = _walk(composer, number, path, key=key)
    return composer.place(offset), depth


def _walk(composer: Composer, number: int, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
    """Return the offset of what stands at *path* of a document, and how many steps of the path exist."""
    node, offset = composer.documents[number].data, composer.starts[number]
    for depth, step in enumerate(path):
        offsets = composer.offsets.get(id(node), {})
        if step not in offsets:
            return offset, depth
        offset = offsets[step][0 if key and depth == len(path) - 1 else 1]
        node = node[step]
    return offset, len(path)


def is_left_open(file: str, number: int, content: bytes, path: Sequence[str]) -> bool:
    """Tell whether nothing at all is written behind the key at *path* of a document: no `null`, and no `~`."""
    composer = with_positions(file, content)
    if number >= len(composer.documents):
        return False
    offset, depth = _walk(composer, number, path)
    return depth == len(path) and offset in composer.left_open


@lru_cache(maxsize=32)
def with_positions(file: str, content: bytes) -> Composer:
    """Return the composer of a file after its work, which knows where everything stands."""
    from flowerpower.specs.text.attempts import compose

    return compose(file, content, positions=True)
