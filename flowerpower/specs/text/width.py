"""How wide a text is on a screen, where a mark stands under it or something beside it."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide letters take two, marks upon a letter none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    # The second and third part of a Korean syllable that is written in parts are drawn into the first.
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
