"""`validate` with files and perhaps `--env`, as hooks and CI run it, without the work of reading a command line.

Typer needs longer to be loaded and to understand a call than a small project takes to check. Other flags, and variables
that stand for flags, are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_ENV = re.compile(r"--env[ =]([a-z][a-z0-9_-]*)")
_NO_FLAGS = ("FLOWERPOWER_VAR_", "FLOWERPOWER_CACHE_DIR")


def is_plain_check(arguments: Sequence[str]) -> bool:
    """Tell whether a command line is `validate` and files, with no flag from anywhere but those of a hook."""
    _, rest = _parted(arguments[1:])
    flags = {argument for argument in rest if argument.startswith("-")}
    if arguments[:1] != ["validate"] or "" in rest or not flags <= {_ALL, _ANEW}:
        return False
    names = read_settings().environment.keys()
    return all(name.startswith(_NO_FLAGS) for name in names if name.startswith("FLOWERPOWER_"))


def check_plainly(arguments: Sequence[str]) -> int:
    """Run `validate` with these arguments and return its exit code."""
    look_for_no_cycles()
    leave_out_pydantic_plugins()
    load_core_alone()
    env, rest = _parted(arguments)
    settings = read_settings(env=env)
    if _ANEW in rest:
        settings = settings._replace(cache_dir=None)
    files = [Path(argument) for argument in rest if not argument.startswith("-")]
    return as_process(lambda: _check(settings, files, every=_ALL in rest))


def _parted(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the environment that the first `--env` names, and all other arguments."""
    rest = list(arguments)
    for place, argument in enumerate(rest):
        words = 1 if argument.startswith("--env=") else 2
        if found := _ENV.fullmatch(" ".join(rest[place : place + words])):
            return found[1], rest[:place] + rest[place + words :]
    return None, rest


def _check(settings: Settings, files: Sequence[Path], *, every: bool) -> int:
    from flowerpower.cli.check import check_projects
    from flowerpower.cli.session import Session

    session = Session(settings)
    try:
        return check_projects(session, files, every=every)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a message instead of a traceback
        return session.fail(error)
