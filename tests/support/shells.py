"""Real shells on a terminal of their own, in which somebody types and presses TAB."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TAB, _SHOW, _CLEAR = "\t", "\x1d", "\x15"
_SECONDS = 30.0
_ARGUMENTS = {"bash": ("--norc", "--noprofile", "-i"), "zsh": ("-f", "-i")}
# After the answer to a key, a shell says what stands on its line.
_SET_UP = {
    "bash": 'bind -x \'"\\C-]": echo "<${READLINE_LINE}>"\'',
    "zsh": "autoload -Uz compinit && compinit -u -D; "
    "told() { print -r -- \"<$BUFFER>\" }; zle -N told; bindkey '^]' told",
}


class Shell:
    """A shell that waits for keys."""

    def __init__(self, name: str, descriptor: int) -> None:
        self._descriptor = descriptor
        self.shown = ""
        self.run(f"PS1='$ '; {_SET_UP[name]}")

    def run(self, command: str) -> None:
        """Run a command line and wait for its end."""
        end = f"done{len(self.shown)}"
        self._press(f"{command}; echo {end[:2]}''{end[2:]}\n")
        self._wait(end)

    def type(self, keys: str) -> str:
        """Press keys, and return the line that then stands there."""
        self._press(f"{keys}{_SHOW}")
        line = self._wait(r"<([^<>]*)>")
        self._press(_CLEAR)
        return line

    def _press(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def _wait(self, pattern: str) -> str:
        seen, deadline = "", time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if select.select([self._descriptor], [], [], 0.5)[0]:
                seen += os.read(self._descriptor, 65_536).decode(errors="replace")
                self.shown += seen
                if found := re.search(pattern, seen):
                    return found[found.lastindex or 0]
        raise AssertionError(f"{pattern} was not shown: {seen!r}")


@contextmanager
def shell(name: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """Start a shell in a folder for the length of a block."""
    process, descriptor = pty.fork()
    if not process:
        os.chdir(folder)
        os.execvpe(name, [name, *_ARGUMENTS[name]], dict(environment))
    try:
        yield Shell(name, descriptor)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(descriptor)


def environment_with_flowerpower(folder: Path) -> dict[str, str]:
    """Return an environment in which `flowerpower` is a command."""
    program = folder / "bin" / "flowerpower"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m flowerpower "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWERPOWER_", "XDG_"))}
    home = folder / "home"
    home.mkdir()
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    return {
        **kept,
        "PATH": path,
        "HOME": str(home),
        "TERM": "xterm",
        "COLUMNS": "200",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
