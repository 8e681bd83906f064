"""Code whose modules start threads while they are imported: a fork would not have them, and might wait for them.

A process that has imported such modules cannot be rid of them. So it starts anew, and leaves that code to its runs.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from flowerpower.settings import hand_on_code, handed_on_code

_LONGEST = 256  # bytes of a fingerprint
# Threads that runs do without: of the allocator of pyarrow and polars, and what removes files that polars has spilled.
_SURVIVE_FORKS = ("jemalloc_bg_thd", "polars-ooc-clea")


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


def threads_to_miss() -> Iterator[tuple[int, str]]:
    """Yield number and name of the threads of this process that a fork has reason to miss.

    Threads of libraries count if they have a name of their own; those of numpy and jemalloc survive forks.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            yield thread.native_id or 0, thread.name
    known = {thread.native_id for thread in threading.enumerate()}
    with suppress(OSError):
        own = Path("/proc/self/comm").read_text(encoding="utf-8", errors="replace")
        for task in Path("/proc/self/task").iterdir():
            name = (task / "comm").read_text(encoding="utf-8", errors="replace")
            if name.strip() not in (own.strip(), *_SURVIVE_FORKS) and int(task.name) not in known:
                yield int(task.name), name.strip()
