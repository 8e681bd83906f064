"""Texts of a project, from its folder or from a git revision; the only part of specs that reads files.

A git revision is read from the object store by two `git` processes, without a checkout.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from flowerpower.errors import FlowerPowerError, Place, Problem, ProjectNotFoundError, Severity
from flowerpower.git import git
from flowerpower.specs.codes import CODES
from flowerpower.specs.loader import kind_of_file
from flowerpower.specs.project import PROJECT_FILES
from flowerpower.specs.yaml import MAX_BYTES, parse

_SPEC_FOLDERS = ("pipelines", "schedules")
_SPEC_STARTS = tuple(f"{folder}/" for folder in _SPEC_FOLDERS)
_LOOKALIKES = (".yaml", ".yml", ".yaml.txt", ".yml.txt")
_SKIPPED_FOLDERS = ("__pycache__", "node_modules")
_MAX_MODULE_BYTES = 16 * MAX_BYTES


@dataclass(frozen=True, slots=True)
class Sources:
    """The spec files and the modules of a project by path in it, and the files that could not be read."""

    texts: Mapping[str, bytes]
    problems: tuple[Problem, ...]
    modules: Mapping[str, bytes]


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    texts: dict[str, bytes] = field(default_factory=dict)
    modules: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, code: str, path: str, what: str, severity: Severity = "error") -> None:
        """Note a file that cannot be used."""
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self.problems.append(Problem(code, Place(shown), what, CODES[code].advice, severity))

    def done(self) -> Sources:
        """Return it all, sorted."""
        problems = sorted(self.problems, key=lambda problem: (problem.place, problem.code))
        return Sources(dict(sorted(self.texts.items())), tuple(problems), dict(sorted(self.modules.items())))


def find_project(start: Path) -> Path:
    """Return the nearest folder from *start* upwards that holds a project; stops at the root of its git repository.

    Raises ProjectNotFoundError.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
        if (folder / ".git").exists():
            break
    raise ProjectNotFoundError(f"no flowerpower.yaml in {here} or a folder above it")


def read(folder: Path, ref: str | None = None) -> Sources:
    """Return the spec files and modules below *folder*, as they are on disk or in the git revision *ref*.

    A file that cannot be used is a Problem; FlowerPowerError only if the folder or the revision itself is not there.
    """
    if ref is not None:
        return _read_revision(folder, ref)
    if not folder.is_dir():
        raise ProjectNotFoundError(f"there is no folder {folder}")
    reading = _Reading()
    root = folder.resolve()
    at_top = [name for name in PROJECT_FILES if (root / name).is_symlink() or (root / name).exists()]
    for path in [*at_top, *_files_below(root, _SPEC_FOLDERS, reading)]:
        if kind_of_file(path):
            _read_file(root, path, MAX_BYTES, reading.texts, reading)
        else:
            _report_lookalike(path, reading)
    for path in _files_below(root, _module_folders(reading.texts), reading):
        if path.endswith(".py"):
            _read_file(root, path, _MAX_MODULE_BYTES, reading.modules, reading)
    return reading.done()


def _files_below(root: Path, folders: Iterable[str], reading: _Reading) -> list[str]:
    return sorted({path for folder in folders for path in _walk(root, folder, reading)})


def _walk(root: Path, start: str, reading: _Reading) -> Iterator[str]:
    """Yield the paths of the files below a folder, sorted; links to folders are not followed."""
    top = root if start == "." else root / start
    if not top.is_dir():
        return
    if not top.resolve().is_relative_to(root):
        reading.report("FP005", start, "the folder is a link that leaves the project")
        return
    failed = lambda error: reading.report("FP001", _relative(root, error.filename), _reason(error))  # noqa: E731
    for folder, names, files in os.walk(top, onerror=failed):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        if start in _SPEC_FOLDERS:
            _report_linked_folders(root, folder, names, reading)
        for name in sorted(name for name in files if not name.startswith(".")):  # as in a git revision
            path = _relative(root, os.path.join(folder, name))  # noqa: PTH118  one string is quicker than one Path
            if _is_utf8(path, reading):
                yield path


def _report_lookalike(path: str, reading: _Reading) -> None:
    """Tell of a file that its author may take for a spec."""
    if path.startswith(_SPEC_STARTS) and path.lower().endswith(_LOOKALIKES):
        reading.report("FP022", path, "it is not read: its name does not end in .yaml or .yml", "warning")


def _report_linked_folders(root: Path, folder: str, names: Iterable[str], reading: _Reading) -> None:
    """Tell of links to folders, for nobody should have to wonder why the specs behind one are not there."""
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118  one string is quicker than one Path
        if os.path.islink(path):  # noqa: PTH114
            reading.report("FP005", _relative(root, path), "it is a link to a folder, and those are not followed")


def _relative(root: Path, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _is_utf8(path: str, reading: _Reading) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        if path.endswith((".yaml", ".yml", ".py")):
            reading.report("FP008", path, "the name of the file is not UTF-8")
        return False
    return True


def _why_not_read(file: Path, error: OSError | RuntimeError) -> str:
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:  # until Python 3.12 it was a RuntimeError
        return "it is a link that leads to itself"
    if isinstance(error, FileNotFoundError) and file.is_symlink():
        return f"it is a link to {str(file.readlink())!r}, where nothing is"
    return _reason(error)


def _reason(error: OSError) -> str:
    return f"it cannot be read: {error.strerror or type(error).__name__}"


def _read_file(root: Path, path: str, limit: int, into: dict[str, bytes], reading: _Reading) -> None:
    file = root / path
    try:
        if file.is_symlink() and not file.resolve(strict=True).is_relative_to(root):
            reading.report("FP005", path, "the file is a link that leaves the project")
            return
        if not file.is_file():
            reading.report("FP001", path, "it is not a regular file")
            return
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except (OSError, RuntimeError) as error:
        reading.report("FP001", path, _why_not_read(file, error))
        return
    if len(content) > limit:
        reading.report("FP002", path, f"the file has more than {limit:,} bytes")
        return
    into[path] = content


def _module_folders(texts: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the `modules:` of the project file, in any of its environments, without loading the project."""
    found: dict[str, None] = {}
    for name in texts.keys() & set(PROJECT_FILES):
        documents = parse(name, texts[name]).documents
        data = documents[0].data if documents and isinstance(documents[0].data, dict) else {}
        patches = data.get("environments")
        layers = [data, *(patches.values() if isinstance(patches, dict) else ())]
        for layer in layers:
            listed = layer.get("modules", ["flows"] if layer is data else []) if isinstance(layer, dict) else []
            folders = listed if isinstance(listed, list) else []
            found |= dict.fromkeys(_inside(folder) for folder in folders if isinstance(folder, str))
    return tuple(folder for folder in found if folder)


def _inside(folder: str) -> str:
    """Return a folder of the project in its plain form: nothing for one outside, the whole project for a variable."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if folder.startswith("/") or ".." in parts or "\0" in folder:
        return ""
    if "${" in folder:
        return "."
    return "/".join(parts) or "."


def _read_revision(folder: Path, ref: str) -> Sources:
    if not ref or ref.startswith("-") or "\0" in ref:
        raise FlowerPowerError(f"{ref!r} is not a git revision", hint="name a branch, tag or commit")
    reading = _Reading()
    prefix = git(folder, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    commit = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
    entries = dict(_list_tree(folder, commit, prefix, reading))
    specs = {path: blob for path, blob in entries.items() if kind_of_file(path)}
    for path in entries.keys() - specs.keys():
        _report_lookalike(path, reading)
    _read_blobs(folder, specs, MAX_BYTES, reading.texts, reading)
    folders = tuple("" if name == "." else f"{name}/" for name in _module_folders(reading.texts))
    modules = {path: blob for path, blob in entries.items() if path.endswith(".py") and path.startswith(folders)}
    _read_blobs(folder, modules if folders else {}, _MAX_MODULE_BYTES, reading.modules, reading)
    return reading.done()


def _list_tree(folder: Path, commit: str, prefix: str, reading: _Reading) -> Iterator[tuple[str, str]]:
    """Yield path in the project and object of each regular file of a commit."""
    listing = git(folder, "ls-tree", "-r", "-z", "--full-tree", commit, "--", prefix or ".")
    for entry in listing.split(b"\0")[:-1]:
        description, _, name = entry.partition(b"\t")
        mode, kind, blob = description.decode().split(" ")
        path = name.decode("utf-8", "surrogateescape").removeprefix(prefix)
        hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in PurePosixPath(path).parts)
        if kind != "blob" or hidden or not _is_utf8(path, reading):
            continue
        if mode != "120000":
            yield path, blob
        elif kind_of_file(path) or path.endswith(".py"):
            reading.report("FP005", path, "the file is a link; in a git revision links are not followed")


def _read_blobs(folder: Path, wanted: Mapping[str, str], limit: int, into: dict[str, bytes], reading: _Reading) -> None:
    """Read objects through one `git cat-file --batch`."""
    if not wanted:
        return
    asked = "".join(f"{blob}\n" for blob in wanted.values()).encode()
    answer = git(folder, "cat-file", "--batch", feed=asked)
    position = 0
    for path in wanted:
        end = answer.index(b"\n", position)
        header = answer[position:end].split(b" ")
        if header[-1] == b"missing":
            reading.report("FP001", path, "git does not have its content")
            position = end + 1
            continue
        size = int(header[2])
        if size > limit:
            reading.report("FP002", path, f"the file has {size:,} bytes, more than {limit:,}")
        else:
            into[path] = answer[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
