"""The traces that a worker leaves for who started it, also when it is killed: its name, and the process of its run."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_RUN = struct.Struct("=qq")  # process, and when it began
_LONGEST_NAME = 1024  # bytes
_GONE = "ZX"  # states of a process that does nothing any more


@dataclass(frozen=True, slots=True)
class Left:
    """What a worker has left: its name and process, and the process of its run (0: none) with the time that began."""

    name: str
    process: int
    run: int = 0
    began: int = 0


class Traces:
    """Memory that a worker and the processes of its runs write to, and that who started it reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _RUN.size + _LONGEST_NAME)

    def note_worker(self, name: str) -> None:
        """Note the name by which Redis knows the worker; one that is too long is noted in part, and known to nobody."""
        self._memory[_RUN.size :] = name.encode()[:_LONGEST_NAME].ljust(_LONGEST_NAME, b"\0")

    def begin_run(self) -> None:
        """Note that this process, which leads a group of its own, runs what the worker is given."""
        self._memory[: _RUN.size] = _RUN.pack(os.getpid(), began(os.getpid()))

    def end_run(self) -> None:
        """Note that the process of the run is gone."""
        self._memory[: _RUN.size] = _RUN.pack(0, 0)

    def take(self, process: int) -> Left:
        """Return what the worker of that process has left, and make room for what its successor will note."""
        run, since = _RUN.unpack(self._memory[: _RUN.size])
        name = self._memory[_RUN.size :].rstrip(b"\0").decode(errors="replace")
        self._memory[:] = bytes(len(self._memory))
        return Left(name, process, run, since)


def end_with_parent(signum: signal.Signals) -> None:
    """Ask the kernel to send this process a signal when its parent ends; only Linux can."""
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signum)


def end_run(left: Left) -> bool:
    """Kill what is left of a worker's run, the processes that it has started included; tell whether nothing is.

    A process that has only just been forked is not noted: it sees by itself that its worker is gone.
    """
    if not left.run or _is_another(left):
        return True
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(left.run, signal.SIGKILL)
    return not _lives(left.run)


def began(process: int) -> int:
    """Return when a process began, in the kernel's own measure; 0 where that is not known, or there is none."""
    fields = _fields(process)
    return int(fields[19]) if fields else 0


def _is_another(left: Left) -> bool:
    """Tell whether the number of the process is that of a later one by now."""
    now = began(left.run)
    return bool(now and left.began and now != left.began)


def _lives(group: int) -> bool:
    """Tell whether a process of a group does anything; where the kernel tells no more, those that are ended count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    members = [fields for fields in _processes() if fields[2] == str(group)]
    return not members or any(fields[0] not in _GONE for fields in members)


def _processes() -> Iterator[list[str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _fields(int(folder.name)):
            yield fields


def _fields(process: int) -> list[str]:
    """Return what Linux says of a process from its state on; nothing elsewhere, and of one that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
