"""Spec files on disk in the canonical layout: which ones, what each should hold, and writing it whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowerpower.errors import Place, Problem, ProjectNotFoundError, UsageError
from flowerpower.git import repository_of
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.files.walk import find_project
from flowerpower.specs.layout.format import format_spec

_MOST_BYTES = 16 * 1024 * 1024  # no spec is so large, and one that is too large is told from less


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A spec file: what it holds, what it should hold, and why it is left as it is where something is wrong."""

    path: Path
    shown: str  # its name for people: from the working folder, where it is below that
    before: bytes = b""
    after: bytes = b""
    problems: tuple[Problem, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether it is not in the canonical layout."""
        return self.before != self.after


def files_of_project(folder: Path, below: Path | None = None) -> Iterator[SpecFile]:
    """Yield every spec file of a project, or those below a folder in it, the unreadable ones first."""
    from flowerpower.specs.files.sources import read

    sources = read(folder)
    inside = (below or folder).resolve()
    for problem in sources.problems:
        path = folder / problem.place.file
        if kind_of_file(problem.place.file) and path.is_relative_to(inside):
            yield SpecFile(path, shown := _shown(path), problems=(_moved(problem, shown),))
    for name, content in sources.texts.items():
        if (path := folder / name).is_relative_to(inside):
            yield _looked_at(path, content)


def named_files(names: Sequence[Path], *, skip_others: bool = False) -> Iterator[SpecFile]:
    """Yield the named spec files, and all those in named folders; UsageError if one is none, before any is read.

    *skip_others* leaves out what is no spec of a project instead, as a hook needs it that gets the names by a pattern.
    """
    for name in [name for name in names if not (skip_others and _why_not(name))]:
        if reason := _why_not(name):
            raise UsageError(f"{name} {reason}", hint="name files of a project, or none to format all")
    for name in names:
        if name.is_dir():
            yield from files_of_project(find_project(name), name)
        elif not _why_not(name):
            yield _read(name.parent.resolve() / name.name)


def write(file: SpecFile) -> Problem | None:
    """Put a file into the canonical layout in one step, and return what stood in the way; a link stays a link."""
    target = file.path.resolve()
    try:
        now = target.read_bytes()
        if now == file.after:  # as the target of a link it had two names
            return None
        if now != file.before:
            return _problem(file, "it was changed while it was being formatted", "run `flowerpower fmt` again")
        _replace(target, file.after)
    except OSError as error:
        what = f"it cannot be written: {error.strerror or type(error).__name__}"
        return _problem(file, what, "check that you may write to it and to its folder")
    return None


def _why_not(name: Path) -> str:
    """Return why a name is not that of a spec file; nothing if it is."""
    if not os.path.lexists(name):
        return "does not exist"
    try:
        folder = find_project(name if name.is_dir() else name.parent)
    except ProjectNotFoundError:
        return "belongs to no project: there is no flowerpower.yaml beside or above it"
    if _is_hidden(folder):  # .github/workflows/flowerpower.yml is a workflow of that name
        return "is no spec file: it lies in a hidden folder"
    path = name.parent.resolve() / name.name
    if name.is_dir() or kind_of_file(path.relative_to(folder).as_posix()):
        return ""
    return "is no spec file: those are flowerpower.yaml and the .yaml files below pipelines/ and schedules/"


def _is_hidden(folder: Path) -> bool:
    root = repository_of(folder)
    return root is not None and any(part.startswith(".") for part in folder.relative_to(root).parts)


def _read(path: Path) -> SpecFile:
    file = SpecFile(path, _shown(path))
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(find_project(path.parent)):
            return SpecFile(path, file.shown, problems=(_problem(file, "the file is a link that leaves the project"),))
        if not path.is_file():
            return SpecFile(path, file.shown, problems=(_problem(file, "it is not a regular file"),))
        with path.open("rb") as stream:
            return _looked_at(path, stream.read(_MOST_BYTES))
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = error.strerror if isinstance(error, OSError) else "it is a link that leads to itself"
        return SpecFile(path, file.shown, problems=(_problem(file, f"it cannot be read: {reason}"),))


def _looked_at(path: Path, content: bytes) -> SpecFile:
    formatted = format_spec(shown := _shown(path), content)
    return SpecFile(path, shown, content, formatted.content, formatted.problems)


def _problem(file: SpecFile, what: str, hint: str = "") -> Problem:
    return Problem("FP001", Place(file.shown), what, hint or CODES["FP001"].advice)


def _moved(problem: Problem, shown: str) -> Problem:
    place = Place(shown, problem.place.line, problem.place.column)
    return Problem(problem.code, place, problem.what, problem.hint, problem.severity)


def _shown(path: Path) -> str:
    here = Path.cwd().resolve()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def _replace(target: Path, content: bytes) -> None:
    """Let a file hold *content*: a process killed at any point leaves the old file or the new one, both whole."""
    status = target.stat()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(OSError):  # only root may give a file to somebody else
            os.chown(new, status.st_uid, status.st_gid)
        new.chmod(status.st_mode & 0o7777)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
