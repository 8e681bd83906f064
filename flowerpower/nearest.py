"""Which known word somebody meant who typed another: the nearest one, by what fingers do wrong."""

from __future__ import annotations

from collections.abc import Iterable

_KEYBOARD = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
ALIKE = 0.62  # of two words: more than `region` and `cron` are
SURE = 0.75  # where another word is as likely as a slip
_FINALISTS = 20
_NEIGHBOUR, _SLIP = 2, 3  # the cost of a key beside the right one, and of any other slip


def nearest(word: str, known: Iterable[str], cutoff: float = ALIKE) -> str:
    """Return the known word that *word* most likely stands for, or nothing.

    What is alike at all, difflib decides. Among these the fewest slips win: a letter too many, too few, another one,
    or two swapped. So `enf` is `env` and not `ref`, with which it has as many letters in common.
    """
    from difflib import SequenceMatcher, get_close_matches  # only a mistake needs it

    alike = get_close_matches(word, list(known), n=_FINALISTS, cutoff=cutoff)
    return min(alike, key=lambda name: (_slips(word, name), -SequenceMatcher(None, name, word).ratio()), default="")


def _slips(typed: str, meant: str) -> int:
    """Return what the slips cost that make *typed* of *meant* (optimal string alignment)."""
    before: list[int] = []
    row = [_SLIP * column for column in range(len(meant) + 1)]
    for line, letter in enumerate(typed, 1):
        above, row, older = row, [_SLIP * line], before
        for column, right in enumerate(meant, 1):
            cost = min(above[column] + _SLIP, row[-1] + _SLIP, above[column - 1] + _other(letter, right))
            if line > 1 and column > 1 and letter == meant[column - 2] and typed[line - 2] == right != letter:
                cost = min(cost, older[column - 2] + _SLIP)
            row.append(cost)
        before = above
    return row[-1]


def _other(typed: str, right: str) -> int:
    if typed == right:
        return 0
    return _NEIGHBOUR if right in _BESIDE.get(typed, ()) else _SLIP


def _beside() -> dict[str, frozenset[str]]:
    """Return the keys around each key; each row stands half a key to the right of the one above it."""
    at = {(line, column): key for line, row in enumerate(_KEYBOARD) for column, key in enumerate(row)}
    around = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    return {
        key: frozenset(at[place] for x, y in around if (place := (line + x, column + y)) in at)
        for (line, column), key in at.items()
    }


_BESIDE = _beside()
