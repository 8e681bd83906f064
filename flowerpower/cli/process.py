"""A command as a process: its streams, a reader that goes away, Ctrl-C, the exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

INTERRUPTED = 130
_PIPE_CLOSED = 141
_SHOW = warnings.showwarning


def as_process(work: Callable[[], int]) -> int:
    """Do the work of a command and return its exit code."""
    _prepare_streams()
    warnings.showwarning = _say_warning
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        return _quietly_closed()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("\nInterrupted.\n")
    return code


def _say_warning(message: Warning | str, category: type[Warning], *where: object, **how: object) -> None:
    """Tell of a plug-in that does not work as of anything else; other warnings are as Python tells them."""
    if category.__name__ == "PluginWarning":
        text = str(message)
        sys.stderr.write(f"Warning: {text if text.isprintable() else ascii(text)}\n")
    else:
        _SHOW(message, category, *where, **how)  # type: ignore[arg-type]


def _prepare_streams() -> None:
    """Let no output fail: a closed stream (`>&-`) becomes an empty one, what its encoding lacks is escaped."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _quietly_closed() -> int:
    """Leave without a word when the reader of stdout has gone (as `| head` does)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _PIPE_CLOSED
