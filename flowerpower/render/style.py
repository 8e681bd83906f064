"""How a piece of text is emphasised: a function given as an argument, so that rendering stays pure.

A `hint` is a text that proposes commands: not emphasised, but its commands may get flags, so it comes before wrapping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

Emphasis = Literal["create", "update", "delete", "drift", "error", "warning", "good", "strong", "faint", "hint"]
Style: TypeAlias = Callable[[str, Emphasis], str]


def plain(text: str, emphasis: Emphasis) -> str:
    """Return the text as it is: the style of everything that is not a terminal with colours."""
    del emphasis
    return text
