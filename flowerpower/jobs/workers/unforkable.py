"""Code whose modules start threads while they are imported: a fork would not have them, and might wait for them.

A process that has imported such modules cannot be rid of them. So it starts anew, and leaves that code to its runs.
"""

from __future__ import annotations

import mmap

from flowerpower.settings import hand_on_code, handed_on_code

_LONGEST = 256  # bytes of a fingerprint


class Unforkable:
    """The fingerprint of such code, which this process, its forks, and what it starts as anew know of each other."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LONGEST)
        self._write(handed_on_code())

    def holds(self, code: str) -> bool:
        """Tell whether this code, by its fingerprint, is left to the runs."""
        return self._memory[:].rstrip(b"\0") == code.encode()[:_LONGEST]

    def note(self, code: str) -> None:
        """Leave this code to the runs from the next start on."""
        self._write(code)
        hand_on_code(code)

    def _write(self, code: str) -> None:
        self._memory[:] = code.encode()[:_LONGEST].ljust(_LONGEST, b"\0")
