"""A command as a process: its streams, a reader that goes away, Ctrl-C, the exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from flowerpower.told_in_python import speaking_as_command

PENDING = 2  # changes, with --detailed-exitcode
INTERRUPTED = 130
PIPE_CLOSED = 141
_SHOW = warnings.showwarning


def as_process(work: Callable[[], int]) -> int:
    """Do the work of a command and return its exit code."""
    with speaking_as_command():
        return _as_process(work)


def _as_process(work: Callable[[], int]) -> int:
    _prepare_streams()
    warnings.showwarning = _say_warning
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        return quietly_closed()
    except OSError as error:
        return _not_written(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("\nInterrupted.\n")
    return code


def end_at_once(code: int) -> NoReturn:
    """End the process without tidying up its memory, which takes a while; for one that has run our own code alone."""
    sys.stderr.flush()
    os._exit(code)


def _say_warning(message: Warning | str, category: type[Warning], *where: object, **how: object) -> None:
    """Tell of a plug-in that does not work as of anything else; other warnings are as Python tells them."""
    if category.__name__ == "PluginWarning":
        text = str(message)
        sys.stderr.write(f"Warning: {text if text.isprintable() else ascii(text)}\n")
    else:
        _SHOW(message, category, *where, **how)  # type: ignore[arg-type]


def _prepare_streams() -> None:
    """Let no output fail: a closed stream (`>&-`) becomes an empty one, what its encoding lacks is escaped."""
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def quietly_closed() -> int:
    """Leave without a word when the reader of stdout has gone (as `| head` does)."""
    _let_go_of_stdout()
    return PIPE_CLOSED


def _not_written(error: OSError) -> int:
    """Say in one line that what a command printed was lost, on a full disk for example."""
    _let_go_of_stdout()
    sys.stderr.write(f"Error: could not write: {error.strerror}\n")
    return 1


def _let_go_of_stdout() -> None:
    """Let what still waits to be written go nowhere: Python would try again, and complain, when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
