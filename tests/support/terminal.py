"""A command on a terminal of its own, with somebody who answers."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.command_line import quiet_environment

CTRL_C = b"\x03"
_ON_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"


def converse(folder: Path, *arguments: str, answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run `flowerpower ARGUMENTS` on a terminal; when a text has appeared there, type the answer to it.

    Return the exit code and all that was on the terminal.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-SE", "-c", _ON_TERMINAL, sys.executable, "-m", "flowerpower", *arguments],
        cwd=folder,
        env={**quiet_environment(), "NO_COLOR": "1"},
        stdin=theirs,
    )
    os.close(theirs)
    shown, waiting, last = "", list(answers), b""
    while chunk := _read(ours, last):
        shown += chunk.replace("\r\n", "\n")
        while waiting and waiting[0][0] in shown.rpartition("\n")[2]:
            last = waiting.pop(0)[1].encode()
            os.write(ours, last)
            shown += "\0"  # what was answered is not looked at again
    os.close(ours)
    code = process.wait(timeout=60)
    assert not waiting, shown
    return code, shown.replace("\0", "")


def _read(terminal: int, last: bytes) -> str:
    """Return what comes next; Python misses a Ctrl-C that comes as it begins to wait for a line: it is typed again."""
    try:
        while last == CTRL_C and not select.select([terminal], [], [], 2.0)[0]:
            os.write(terminal, last)
        return os.read(terminal, 65536).decode()
    except OSError:  # nobody has it open any more
        return ""
