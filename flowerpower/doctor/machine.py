"""Read what this machine has: Python, libraries, git, plug-ins. No code of the project is run."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TypeVar

from flowerpower.doctor.findings import Fact, Unknown
from flowerpower.errors import FlowerPowerError
from flowerpower.git import git, repository_of
from flowerpower.installing import DISTRIBUTION
from flowerpower.plugins import installed_plugins, is_installed
from flowerpower.revision import Revision, read_revision
from flowerpower.version import __version__

T = TypeVar("T")
SHOWN = ("rq", "redis", "apache-hamilton", "hiredis")


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Python and the libraries; `wrong` names requirements of flowerpower that what is installed does not meet."""

    python: str
    flowerpower: str
    libraries: tuple[tuple[str, str], ...]  # name, version
    wrong: Fact[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class GitFacts:
    """What git says of a folder; `repository` is None outside any."""

    version: Fact[str]
    repository: Path | None
    shallow: Fact[bool]
    revision: Fact[Revision]


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """The plug-ins that are installed, those that do not load, and the distributions a project names and has not."""

    offered: tuple[str, ...]
    broken: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def read_machine() -> MachineFacts:
    """Return the versions of what runs here."""
    found = [(name, _version(name)) for name in SHOWN]
    return MachineFacts(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        flowerpower=__version__,
        libraries=tuple((name, number) for name, number in found if number),
        wrong=_unmet(),
    )


def read_git(folder: Path) -> GitFacts:
    """Return what git says of a folder; reads only."""
    repository = repository_of(folder)
    outside = Unknown("outside git")
    return GitFacts(
        version=_attempt(lambda: git(folder, "--version").decode("utf-8", "replace").strip()),
        repository=repository,
        shallow=_attempt(lambda: git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true")
        if repository
        else outside,
        revision=_attempt(lambda: read_revision(folder)) if repository else outside,
    )


def read_plugins(named: Sequence[str]) -> PluginFacts:
    """Return what is wrong with plug-ins: those of the distributions that a project names are looked for and loaded."""
    found = installed_plugins(named)
    return PluginFacts(
        offered=tuple(plugin.name for plugin in found),
        broken=tuple(plugin.wrong for plugin in found if plugin.wrong),
        absent=tuple(name for name in named if not is_installed(name)),
    )


def _attempt(question: Callable[[], T]) -> Fact[T]:
    try:
        return question()
    except FlowerPowerError as error:
        return Unknown(f"{error}; {error.hint}" if error.hint else str(error))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _unmet() -> Fact[tuple[str, ...]]:
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return Unknown("flowerpower runs from a folder and is not installed, so nothing says what it needs")
    needed = [requirement for requirement in wanted if requirement.marker is None or requirement.marker.evaluate()]
    wrong = []
    for requirement in needed:
        found = _version(requirement.name)
        if not found or not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found or 'is not installed'} ({requirement.specifier} is needed)")
    return tuple(wrong)
