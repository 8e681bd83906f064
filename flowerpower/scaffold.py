"""Make a new project from the template, and new specs in a project: they validate, plan and run at once.

Template files that end in `.jinja` have their `{{ variables }}` filled in and lose that ending; all
others are copied as they are. A file that exists is never overwritten.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowerpower import __version__
from flowerpower.errors import UsageError
from flowerpower.git import GitError, git

if TYPE_CHECKING:
    from flowerpower.schedule.trigger import Trigger

Repository = Literal["committed", "not committed", "already in one", "no git"]

_NAME = re.compile(r"[a-z][a-z0-9_]*(-[a-z0-9_]+)*")
_LONGEST_NAME = 63
_DAILY = "0 6 * * *"
_RENDERED = ".jinja"
_NOT_COPIED = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "out", ".flowerpower"}

_PIPELINE = """\
description: Says what is left of the year. Replace it with what you need.
modules: [{module}]
outputs: [message]
inputs: {day: "${tick:%Y-%m-%d}"}
"""

_MODULE = '''\
"""What this dataflow makes, in a sentence. Every public function is a node, its parameters are what it needs."""

from datetime import date


def days_left(day: str) -> int:
    """How many days of the year follow *day*, which looks like 2026-11-22."""
    today = date.fromisoformat(day)
    return (date(today.year, 12, 31) - today).days


def message(day: str, days_left: int) -> str:
    """A sentence for people."""
    return f"On {day} the year has {days_left} more days."
'''

_TEST = """\
import {module}


def test_the_last_day_of_a_year_has_none_left() -> None:
    assert {module}.days_left("2026-12-31") == 0
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a new schedule fires: one of cron, every and at, or daily; in the project's time zone or its own."""

    cron: str | None = None
    every: str | None = None
    at: str | None = None
    timezone: str | None = None

    def trigger(self, timezone: str) -> Trigger:
        """Return the trigger in a project with that time zone; raises a FlowerPowerError when it cannot be read."""
        from flowerpower.schedule.trigger import parse_trigger
        from flowerpower.specs.fields import parse_duration

        given = (self.cron, self.every, self.at)
        cron = _DAILY if given == (None, None, None) else self.cron
        try:
            every = None if self.every is None else parse_duration(self.every)
        except ValueError as error:
            raise UsageError(str(error), hint="write 90s, 15m, 2h or 1d12h") from error
        return parse_trigger(cron=cron, every=every, at=self.at, timezone=self.timezone or timezone)

    def lines(self) -> str:
        """Return the lines of the spec."""
        if (self.cron, self.every, self.at) == (None, None, None):
            lines = [f'cron: "{_DAILY}" # every day at six']
        else:
            lines = [] if self.cron is None else [f"cron: {json.dumps(self.cron)}"]
        others = {name: getattr(self, name) for name in ("every", "at", "timezone")}
        lines += [f"{name}: {value}" for name, value in others.items() if value is not None]
        return "".join(f"{line}\n" for line in lines)


def init(target: Path, *, name: str | None = None) -> list[Path]:
    """Write a new project into folder *target* and return its files, relative to it and sorted.

    Without *name* the project is named after the folder. Raises UsageError, and leaves everything as it
    was, when a file would be overwritten, the name is not a valid one, or the folder cannot be written.
    """
    name = name_from(target) if name is None else _checked(name, "project")
    return write_new(target, _template_files({"name": name, "version": __version__}))


def new_pipeline(project: Path, name: str, *, folders: Sequence[str] = ("flows",)) -> list[Path]:
    """Add a pipeline, its Hamilton module and its test to folder *project*; return their paths in it, sorted.

    The name may have folders before it, `eu/sales`; the module lies in the first of the module *folders*. Raises
    UsageError, and writes nothing, when a file or a module of that name exists already or the name is not a valid one.
    """
    module = _checked(name, "pipeline").rpartition("/")[2].replace("-", "_")
    _refuse_known_module(project, module, folders)
    texts = {
        f"pipelines/{name}.yaml": modeline(project, "pipeline", name) + _PIPELINE,
        f"{folders[0]}/{module}.py": _MODULE,
        f"tests/test_{module}.py": _TEST,
    }
    filled = {Path(path): text.replace("{module}", module) for path, text in texts.items()}
    return write_new(project, {path: text.encode() for path, text in filled.items()})


def new_schedule(project: Path, name: str, *, pipeline: str, timing: Timing | None = None) -> list[Path]:
    """Add a schedule for *pipeline* to folder *project*; return its path in it. Raises as `new_pipeline` does."""
    head = modeline(project, "schedule", _checked(name, "schedule"))
    text = f"{head}pipeline: {pipeline}\n{(timing or Timing()).lines()}"
    return write_new(project, {Path(f"schedules/{name}.yaml"): text.encode()})


def modeline(project: Path, kind: str, name: str) -> str:
    """Return the line that tells an editor where the schema is, if the project has one."""
    schema = f"schemas/{kind}.schema.json"
    up = "../" * (name.count("/") + 1)
    return f"# yaml-language-server: $schema={up}{schema}\n\n" if (project / schema).is_file() else ""


def _refuse_known_module(project: Path, module: str, folders: Sequence[str]) -> None:
    hint = "choose another name for the pipeline"
    for folder in folders:
        for path in (Path(folder) / f"{module}.py", Path(folder) / module / "__init__.py"):
            if (project / path).exists():
                raise UsageError(f"there is a module {module} already, in {path}", hint=hint)
    if keyword.iskeyword(module) or module in sys.stdlib_module_names:
        raise UsageError(f"a module cannot be called {module}: Python has its own", hint=f"try {module}_flow")
    if _is_installed(module):
        raise UsageError(f"a module called {module} would hide the installed package", hint=f"try {module}_flow")


def _is_installed(module: str) -> bool:
    """Tell whether a package of that name is installed; another project's module may lie on the path too."""
    found = find_spec(module)
    return (
        found is not None and {"site-packages", "dist-packages"}.intersection(Path(found.origin or "").parts) != set()
    )


def name_from(folder: Path) -> str:
    """Return a valid project name that is as close as possible to the folder's own."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name.casefold()).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not words:
        return "project"
    started = words if words[0].isalpha() else f"project-{words}"
    return started[:_LONGEST_NAME].rstrip("-")


def start_repository(folder: Path, files: list[Path]) -> Repository:
    """Put the new project under git, with a first commit of *files*, unless it lies in a repository already."""
    if _git(folder, "rev-parse", "--git-dir"):
        return "already in one"
    if not _git(folder, "init", "--quiet", "--initial-branch=main"):
        return "no git"
    added = _git(folder, "add", "--force", "--", *map(str, files))
    # Fails where git does not know who the author is: the files then wait, added.
    committed = added and _git(folder, "commit", "--quiet", "--message=Start the project with flowerpower init")
    return "committed" if committed else "not committed"


def _git(folder: Path, *arguments: str) -> bool:
    try:
        git(folder, "-c", "commit.gpgsign=false", *arguments)
    except GitError:
        return False
    return True


def _checked(name: str, kind: str) -> str:
    """Return a name, for a spec also one with folders before it; raises UsageError when it is not a valid one."""
    parts = [name] if kind == "project" else name.split("/")
    if not all(len(part) <= _LONGEST_NAME and _NAME.fullmatch(part) for part in parts):
        raise UsageError(
            f"{name!r} cannot be a {kind}'s name",
            hint="at most 63 of a-z, 0-9, _ and single -, beginning with a letter, for example "
            f"{name_from(Path('/') / name.replace('/', '-'))}",
        )
    return name


def _template_files(variables: dict[str, str]) -> dict[Path, bytes]:
    """Return every file of a new project, by its path in it."""
    template = _data_folder("project_template")
    files = {}
    for path in sorted(template.rglob("*")):
        place = path.relative_to(template)
        if path.is_file() and not _NOT_COPIED & set(place.parts):
            rendered = place.suffix == _RENDERED
            files[place.with_suffix("") if rendered else place] = _render(path, variables if rendered else {})
    for kind in ("project", "pipeline", "schedule"):
        path = _data_folder("schemas") / f"{kind}.schema.json"
        files[Path("schemas") / path.name] = path.read_bytes()
    return files


def _data_folder(name: str) -> Path:
    """Return a folder that lies inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def _render(path: Path, variables: dict[str, str]) -> bytes:
    content = path.read_bytes()
    for name, value in variables.items():
        content = content.replace(f"{{{{ {name} }}}}".encode(), value.encode())
    return content


def write_new(target: Path, files: dict[Path, bytes]) -> list[Path]:
    """Write *files* into *target*, all or none, and return their paths."""
    try:
        _refuse_to_overwrite(target, list(files))
        _write_all(target, files)
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename or target}: {error.strerror or error}; nothing was left behind",
            hint="name a folder that you can write, on a disk with room",
        ) from error
    return sorted(files)


def _refuse_to_overwrite(target: Path, files: list[Path]) -> None:
    if os.path.lexists(target) and not target.is_dir():
        raise UsageError(f"{target} is not a folder", hint="name a new folder, or an empty one")
    in_the_way = [str(file) for file in files if _is_blocked(target, file)]
    if in_the_way:
        raise UsageError(
            f"{target} already has {', '.join(in_the_way)}; nothing was written",
            hint="choose another name, or move these files away",
        )


def _is_blocked(target: Path, file: Path) -> bool:
    """Say whether *file* exists in *target*, or one of its folders is something else there."""
    parents = [target / parent for parent in file.parents]
    return os.path.lexists(target / file) or any(os.path.lexists(path) and not path.is_dir() for path in parents)


def _write_all(target: Path, files: dict[Path, bytes]) -> None:
    made: list[Path] = []
    try:
        for file, content in files.items():
            _make_folders((target / file).parent, made)
            with (target / file).open("xb") as stream:  # x: what appeared meanwhile is not overwritten either
                made.append(target / file)
                stream.write(content)
    except BaseException:
        _remove(made)
        raise


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [path for path in [folder, *folder.parents] if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
