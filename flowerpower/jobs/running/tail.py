"""The last lines of what a run said: bounded, and without its secrets."""

from __future__ import annotations

import threading
from collections.abc import Callable

LONGEST = 64 * 1024  # bytes
_CUT = "... (the beginning is cut)\n"


class Tail:
    """Gathers texts and keeps the end of them; *mask* replaces every secret that is known by then."""

    def __init__(self, mask: Callable[[str], str], longest: int = LONGEST) -> None:
        self._mask = mask
        self._longest = longest
        self._parts: list[str] = []
        self._held = 0
        self._is_cut = False
        self._lock = threading.Lock()
        self.size = 0  # letters that were added in all

    def add(self, text: str) -> None:
        """Add a text."""
        with self._lock:
            self._parts.append(text)
            self._held += len(text)
            self.size += len(text)
            if self._held > 4 * self._longest:
                self._shorten()

    def text(self, *, whole: bool) -> str:
        """Return the end of what was added, in whole lines; without *whole*, a line that is not ended is left out.

        Half a line could hold half a secret, which no mask would find.
        """
        with self._lock:
            said = self._mask("".join(self._parts))
            if not whole:
                said = said[: said.rfind("\n") + 1]
            shown = _end(said, self._longest)
            return _CUT + shown if self._is_cut or len(shown) < len(said) else shown

    def _shorten(self) -> None:
        """Drop the beginning. A secret is masked before anything is cut, so that no half of one is left over."""
        kept = self._mask("".join(self._parts))[-2 * self._longest :]
        self._parts, self._held, self._is_cut = [kept], len(kept), True


def _end(text: str, longest: int) -> str:
    """Return the whole lines at the end that take at most so many bytes; the end of the last one if it takes more."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= longest:
        return encoded.decode()
    end = encoded[-longest:].decode(errors="ignore")
    _, newline, rest = end.partition("\n")
    return rest if newline and rest else end
