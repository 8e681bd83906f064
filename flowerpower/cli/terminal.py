"""Terminals: colours, width, progress; and what a stream that is no terminal gets instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal, Self, TextIO

from flowerpower.render.style import Emphasis, Style, plain

Color = Literal["auto", "always", "never"]

_WIDEST = 120  # lines longer than this are hard to read, on any screen
_NOT = ("0", "false", "no")  # what variables say that mean no
_CODES: Mapping[Emphasis, str] = {
    "create": "32",
    "update": "33",
    "delete": "31",
    "drift": "35",
    "error": "1;31",
    "warning": "33",
    "good": "32",
    "strong": "1",
    "faint": "2",
}


def coloured(text: str, emphasis: Emphasis) -> str:
    """Return the text with the colour of its emphasis."""
    return f"\x1b[{_CODES[emphasis]}m{text}\x1b[0m" if text and emphasis in _CODES else text


def choose_style(stream: TextIO, environment: Mapping[str, str], color: Color = "auto") -> Style:
    """Return the style of a stream: colours where they are wanted."""
    return coloured if wants_color(color, environment, is_terminal=stream.isatty()) else plain


def wants_color(color: Color, environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Tell whether a stream gets colours: --color, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal.

    A terminal that is dumb, or does not say what it is, gets none.
    """
    if color != "auto":
        return color == "always"
    if environment.get("NO_COLOR"):
        return False
    if forced := environment.get("FORCE_COLOR"):
        return forced.lower() not in _NOT
    return is_terminal and not is_dumb(environment)


def is_dumb(environment: Mapping[str, str]) -> bool:
    """Tell whether the terminal can do nothing but write one line below the other."""
    return environment.get("TERM", "") in ("", "dumb")


def color_asked(arguments: Sequence[str], environment: Mapping[str, str]) -> Color:
    """Return what a command line that could not be understood asks for: the last of its flags, then the variables."""
    asked = "never" if environment.get("FLOWERPOWER_NO_COLOR", "").lower() not in ("", *_NOT) else ""
    asked = environment.get("FLOWERPOWER_COLOR") or asked
    flags = "never" if "--no-color" in arguments else ""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument.startswith("--color"):
            flags = argument.partition("=")[2] or following
    return {"always": "always", "never": "never"}.get(flags or asked, "auto")  # type: ignore[return-value]


def width_of(stream: TextIO) -> int:
    """Return how many columns to use: those of the terminal (or of COLUMNS), at most 120; 120 for a pipe."""
    return min(_columns(_WIDEST), _WIDEST) if stream.isatty() else _WIDEST


def _columns(otherwise: int = 80) -> int:
    from shutil import get_terminal_size  # which loads compressors

    return get_terminal_size((otherwise, 24)).columns


@contextmanager
def prints_to_stderr(*, active: bool) -> Iterator[None]:
    """Send to stderr whatever is printed meanwhile, by this process or one that it starts; nothing unless *active*."""
    if not active:
        with redirect_stdout(sys.stdout):  # what is run meanwhile may put something else in its place
            yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


class _MakesWay:
    """A stream that wipes a bar before something else is written beside it."""

    def __init__(self, stream: TextIO, bar: ProgressBar) -> None:
        self._stream = stream
        self._bar = bar

    def write(self, text: str) -> int:
        self._bar.wipe()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def making_way(bar: ProgressBar) -> Iterator[None]:
    """Let what is printed meanwhile stand on lines of its own, and the bar come back after it."""
    out = sys.stdout
    sys.stdout = _MakesWay(out, bar)
    try:
        yield
    finally:
        sys.stdout = out


class ProgressBar:
    """One line that is drawn over and over, and wiped at the end; silent without a stream."""

    def __init__(self, label: str, stream: TextIO | None) -> None:
        self._label = label
        self._stream = stream
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def update(self, done: int, total: int, more: str = "") -> None:
        """Show how many of how many are done, and a few words more."""
        if self._stream is not None:
            from flowerpower.render.words import bar_text

            self.say(f"{self._label} {bar_text(done, total)}{'  ' if more else ''}{more}")

    def say(self, text: str) -> None:
        """Show a text in place of the last one."""
        if self._stream is not None:
            self._stream.write(f"\r\x1b[2K{text[: _columns() - 1]}")
            self._stream.flush()
            self._drawn = True

    def wipe(self) -> None:
        """Remove the line."""
        if self._stream is not None and self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False
