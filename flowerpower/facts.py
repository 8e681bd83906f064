"""What guards must know beside the plan: what git says of the commit, and what the last apply asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import dataclass, replace
from pathlib import Path

from flowerpower.errors import Problem
from flowerpower.planning.guards import Facts
from flowerpower.planning.twins import Twin, twin_of
from flowerpower.revision import Revision, descends, has_line, is_pushed, precedes
from flowerpower.specs.files.kinds import PROJECT_FILES, kind_of_file
from flowerpower.specs.files.reading import Sources
from flowerpower.specs.policies import check_applied
from flowerpower.specs.project import Project
from flowerpower.specs.silence import silence
from flowerpower.state.keys import Keys
from flowerpower.state.models import Head, Neighbour


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the specs come from: a folder, what git says of it, and the name that their commit is recorded by."""

    folder: Path | None  # None: they are at a URL, and git says nothing
    revision: Revision
    commit: str  # with `+dirty` after it for uncommitted changes, or `tree:<digest>`
    wary: bool = False  # it is somebody else's
    fetched: bool = False  # workers fetch its commit (`code: git`)


def facts_of(checkout: Checkout, head: Head, asked: Facts, violations: tuple[Problem, ...] | None = ()) -> Facts:
    """Return the facts for a plan of *checkout* against *head*; *asked* is what the project file says to the guards."""
    folder, revision, commit, wary = checkout.folder, checkout.revision, checkout.commit, checkout.wary
    live = head.commit.removesuffix("+dirty")
    comparable = revision.in_git and live and not live.startswith("tree:")
    after = descends(folder, revision.commit, live, wary=wary) if folder and comparable else None
    is_restored = commit.removesuffix("+dirty") == live
    return replace(
        asked,
        in_git=revision.in_git,
        dirty=revision.dirty if revision.in_git else None,
        descends=after,
        overtaken=after is False and folder is not None and precedes(folder, commit, [live], wary=wary),
        undone=not is_restored
        and (precedes(folder, commit, head.rolled_back, wary=wary) if folder else commit in head.rolled_back),
        violations=violations,
        fetched=checkout.fetched,
        pushed=is_pushed(folder, revision.commit, wary=wary)
        if folder and checkout.fetched and revision.in_git
        else None,
        absent=tuple(path for path in revision.absent if kind_of_file(path)),
    )


def violations_of(
    head: Head, policies: str, checked: Callable[[], Project], sources: Sources
) -> tuple[Problem, ...] | None:
    """Return where the specs break the enforced house rules of the last apply; None if those cannot be read."""
    if is_enforced(head, policies):
        return ()
    found = check_applied(checked(), head.rules.policies)
    return None if found is None else tuple(silence(found, sources.texts))


def is_enforced(head: Head, policies: str) -> bool:
    """Tell whether the house rules of the last apply are those of the specs, which are checked already."""
    return head.rules.policies in ("", policies)


def twins_of(
    checkout: Checkout, neighbours: Iterable[Neighbour], keys: Keys, declared: Collection[str], wanted: Set[str]
) -> tuple[Twin, ...]:
    """Return the neighbours that were applied from this repository and look like a former self of this namespace."""
    found = ((neighbour, twin_of(neighbour, keys, declared, wanted)) for neighbour in neighbours)
    return tuple(
        twin
        for neighbour, twin in found
        if twin and _is_of_same_repository(checkout, neighbour) and not _is_beside(checkout, neighbour, keys)
    )


def _is_of_same_repository(checkout: Checkout, neighbour: Neighbour) -> bool:
    """Tell it by the remote; where one of the two has none, by a commit that comes before this one."""
    ours = checkout.revision.repository
    if ours and neighbour.repository:
        return ours == neighbour.repository
    if checkout.folder is None or not checkout.revision.in_git:
        return False
    commit = neighbour.commit.removesuffix("+dirty")
    return descends(checkout.folder, checkout.revision.commit, commit, wary=checkout.wary) is True


def _is_beside(checkout: Checkout, neighbour: Neighbour, keys: Keys) -> bool:
    """Tell whether the repository has a project of the neighbour's name, which then is another one than this."""
    if checkout.folder is None or not checkout.revision.in_git or neighbour.project == keys.project:
        return False
    name = neighbour.project.replace(".", "[.]")
    line = f"^name:[[:space:]]*[\"']?{name}[\"']?([[:space:]]|$)"
    return has_line(checkout.folder, checkout.revision.commit, line, PROJECT_FILES, wary=checkout.wary)
