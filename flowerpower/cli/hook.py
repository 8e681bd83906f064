"""`validate` with files alone, as a hook runs it at every commit, without the work of reading a command line.

Typer needs longer to be loaded and to understand a call than a small project takes to check. Flags, and variables that
stand for flags, are left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flowerpower.cli.process import as_process
from flowerpower.settings import (
    Settings,
    leave_out_pydantic_plugins,
    load_core_alone,
    look_for_no_cycles,
    read_settings,
)

_ALL, _ANEW = "--all", "--no-cache"
_NO_FLAGS = ("FLOWERPOWER_VAR_", "FLOWERPOWER_CACHE_DIR")


def is_plain_check(arguments: Sequence[str]) -> bool:
    """Tell whether a command line is `validate` and files, with no flag from anywhere but those of a hook."""
    flags = {argument for argument in arguments if argument.startswith("-")}
    if arguments[:1] != ["validate"] or "" in arguments or not flags <= {_ALL, _ANEW}:
        return False
    names = read_settings().environment.keys()
    return all(name.startswith(_NO_FLAGS) for name in names if name.startswith("FLOWERPOWER_"))


def check_plainly(arguments: Sequence[str]) -> int:
    """Run `validate` on the files and return its exit code."""
    look_for_no_cycles()
    leave_out_pydantic_plugins()
    load_core_alone()
    settings = read_settings()
    if _ANEW in arguments:
        settings = replace(settings, cache_dir=None)
    files = [Path(argument) for argument in arguments if not argument.startswith("-")]
    return as_process(lambda: _check(settings, files, every=_ALL in arguments))


def _check(settings: Settings, files: Sequence[Path], *, every: bool) -> int:
    from flowerpower.cli.check import Report, check_projects
    from flowerpower.cli.session import Session

    session = Session(settings)
    try:
        return check_projects(session, files, Report(), every=every)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a message instead of a traceback
        return session.fail(error)
