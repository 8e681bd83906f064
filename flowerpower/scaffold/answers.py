"""What a new project is asked. `copier.yml` asks the same with the same defaults, so that both make the same files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flowerpower.errors import UsageError
from flowerpower.git import GitError, git, repository_of
from flowerpower.scaffold.names import checked_name, name_from

Ci = Literal["github", "gitlab", "none"]

QUESTIONS: Mapping[str, str] = {
    "name": "Name of the project",
    "ci": "CI: github, gitlab or none",
    "compose": "Files for Docker Compose: Redis, scheduler, workers, dashboard?",
    "timezone": "Time zone of the schedules",
    "folder": "Folder of the project in its repository",
}

_IN_CI_FILES = re.compile(r"[\w.@+][\w.@+ /-]*")


@dataclass(frozen=True, slots=True)
class Answers:
    """What makes one new project differ from another."""

    name: str
    ci: Ci = "github"
    compose: bool = True
    timezone: str = "UTC"
    folder: str = "."

    def checked(self) -> Answers:
        """Return itself; raises a FlowerPowerError when no project can be made of it."""
        checked_name(self.name, "project")
        if self.timezone != "UTC":
            from flowerpower.schedule.zones import load_zone

            load_zone(self.timezone)
        if self.ci not in ("github", "gitlab", "none"):
            raise UsageError(f"there are no files for the CI {self.ci!r}", hint="github, gitlab or none")
        if self.ci != "none" and not _IN_CI_FILES.fullmatch(self.folder):
            raise UsageError(
                f"the files for CI cannot name the folder {self.folder!r} of the repository",
                hint="choose a folder with plainer letters, or --ci none",
            )
        return self


def answers_for(target: Path, **given: Any) -> Answers:
    """Return the answers for a project in folder *target*: those *given*, and for the others what is likely."""
    root = repository_of(target)
    likely: dict[str, Any] = {"name": name_from(target)}
    if root:
        likely |= {"folder": target.resolve().relative_to(root).as_posix(), "ci": _ci_of(root)}
    return Answers(**likely | {name: value for name, value in given.items() if value is not None}).checked()


def _ci_of(repository: Path) -> Ci:
    """Return the CI of the host that the repository came from."""
    try:
        address = git(repository, "config", "--get", "remote.origin.url")
    except GitError:
        return "github"
    return "gitlab" if b"gitlab" in address.lower() else "github"
