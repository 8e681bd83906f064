"""Ask git, by subprocess and with fixed arguments; it runs no hook and no monitor of the repository.

A folder that looks like a bare repository itself is refused: anybody can commit one, with a configuration of their own
that names programs. Somebody else's checkout needs more care still, see `git`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from shlex import quote

from flowerpower.errors import FlowerPowerError

_SECONDS = 120
_NO_SUCH_COMMAND = 127
# A git hook runs with GIT_DIR and its kin set: they would win over the folder we name.
_UNSET = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_ENV = (
    "env",
    *(part for name in _UNSET for part in ("-u", name)),
    "LC_ALL=C",
    "GIT_OPTIONAL_LOCKS=0",
    "GIT_TERMINAL_PROMPT=0",
)
_NO_FETCH = ("GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
# What the system and the user say of git stays in force: there it says which folders are safe.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "protocol.ext.allow=never",
    "safe.bareRepository=explicit",
)
_GIT = ("git", *(part for setting in _SETTINGS for part in ("-c", setting)))
_WHOSE = re.compile(r"dubious ownership in repository at '(.+)'")


class GitError(FlowerPowerError):
    """Git could not answer; `said` is what it printed."""

    def __init__(self, message: str, *, hint: str | None = None, said: str = "") -> None:
        super().__init__(message, hint=hint)
        self.said = said


def git(folder: Path, *arguments: str, feed: bytes = b"", wary: bool = False, seconds: int = _SECONDS) -> bytes:
    """Return what git prints when run in *folder* with *feed* on its standard input; raises GitError when it fails.

    A *wary* call fetches nothing, also where the repository asks for what is missing to be fetched: that would run
    what its configuration names. Of the commands, `status` runs its filters and must not be asked.
    """
    try:
        done = subprocess.run(
            [*_ENV, *(_NO_FETCH if wary else ()), *_GIT, "-C", str(folder), *arguments],
            input=feed,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except OSError:
        raise GitError("git is not installed", hint="install git") from None
    except ValueError:  # a NUL, in what was read from Redis
        raise GitError(f"`git {arguments[0]}` cannot be asked for what no name can be") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"`git {arguments[0]}` did not end within {seconds} s") from None
    if done.returncode == _NO_SUCH_COMMAND:
        raise GitError("git is not installed", hint="install git")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(_failure(folder, arguments, said), hint=_advice(said), said=said)
    return done.stdout


def repository_of(folder: Path) -> Path | None:
    """Return the nearest folder from *folder* upwards that holds a `.git`, None outside any repository."""
    here = folder.resolve()
    return next((parent for parent in (here, *here.parents) if (parent / ".git").exists()), None)


def _failure(folder: Path, arguments: tuple[str, ...], said: str) -> str:
    if "not a git repository" in said:
        return f"{folder} is not in a git repository"
    if arguments[0] == "rev-parse" and not said:
        return f"git knows no revision '{arguments[-1].removesuffix('^{commit}')}'"
    return f"`git {arguments[0]}` failed: {said.splitlines()[0] if said else 'no reason given'}"


def _advice(said: str) -> str:
    if "dubious ownership" in said:
        place = found[1] if (found := _WHOSE.search(said)) else "FOLDER"
        return f"it belongs to another user; if you trust it: git config --global --add safe.directory {quote(place)}"
    if "cannot use bare repository" in said:
        return "remove the files HEAD, config, objects and refs: they make the folder look like a repository itself"
    if "not a git repository" in said:
        return "only a clone has revisions: leave this one away, or name the folder of a clone"
    return "fetch it first; CI clones are often shallow"
