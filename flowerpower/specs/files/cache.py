"""Verdicts on projects, kept until something changes. A cache that is wrong, corrupt or not there changes no answer.

A verdict is kept under the digest of all that it was made from: the bytes of every file, environment and variables,
flowerpower's own code, Python and the packages beside it. Beside it lies, for each folder, what the file system said of
its files when it was read (size, times, inode), so that an unchanged folder need not be read again. As in git, files
changed within the last two seconds are not trusted to show it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowerpower import version
from flowerpower.specs.files.kept import digest, load, store
from flowerpower.specs.files.kinds import PROJECT_FILES
from flowerpower.specs.files.reading import Reading, Sources
from flowerpower.specs.files.walk import module_files, spec_files
from flowerpower.specs.verdict import Question, Verdict, from_dict, to_dict

if TYPE_CHECKING:
    from flowerpower.specs.shares import Shares

_KEPT = 200  # files; the oldest go
_UNSETTLED = 2_000_000_000  # nanoseconds
# The code of flowerpower that answers depend on.
_DECIDING = (
    *("errors.py", "durations.py", "moments.py", "nearest.py", "proposed.py", "git.py", "filesystem.py"),
    *("specs", "schedule", "dataflow", "state"),
)


class VerdictCache:
    """Verdicts in a folder of files; every failure to read or write one is as if it were not there."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.is_there = folder is not None

    def unchanged(self, question: Question) -> str | None:
        """Return the key of what a folder holds, if its files are those of the last check."""
        last = self._read(_folder_key(question)) if question.root else None
        with suppress(KeyError, TypeError, ValueError):
            found = _stamp(question.root, last["modules"]) if last else None
            return str(last["verdict"]) if last and found and found.digest == last["stamp"] else None
        return None

    def of_content(self, question: Question, sources: Sources) -> Verdict | None:
        """Return the verdict on these bytes."""
        return self.verdict(content_key(question, sources), question)

    def beside(self, key: str, name: str) -> bytes | None:
        """Return what is kept under a name beside the verdict of a key."""
        return self._load(_key(name, key))

    def keep_beside(self, key: str, name: str, content: bytes) -> None:
        """Keep something else that was made of the same content."""
        self._store(_key(name, key), content)

    def keep(
        self, question: Question, sources: Sources, folders: Sequence[str], verdict: Verdict, read_at: int
    ) -> None:
        """Keep a verdict on *sources*, which were read from *read_at* on (nanoseconds of the epoch).

        *folders* are those of the modules.
        """
        if self.folder is None:
            return
        key = content_key(question, sources)
        self._write(key, to_dict(verdict))
        found = _stamp(question.root, folders)
        if found and found.newest < read_at - _UNSETTLED:
            self._write(_folder_key(question), {"modules": list(folders), "stamp": found.digest, "verdict": key})
        self._forget_oldest(self.folder)

    def shares(self, question: Question, sources: Sources) -> Mapping[str, Shares]:
        """Return by environment what the files had added to a verdict while project file and modules were these."""
        from flowerpower.specs.shares import from_lists

        text = self._load(_shares_key(question, sources))
        with suppress(ValueError, TypeError, KeyError, IndexError, RecursionError):
            names, shares = json.loads(text) if text else ((), ())
            return {name: each for name, each in zip(names, from_lists(shares), strict=True) if each} if names else {}
        return {}

    def keep_shares(self, question: Question, sources: Sources, shares: Mapping[str, Shares]) -> None:
        """Keep by environment what the files of a project add to a verdict."""
        from flowerpower.specs.shares import to_lists

        if shares:
            found = [[*shares], to_lists([*shares.values()])]
            self._store(_shares_key(question, sources), json.dumps(found).encode())

    def verdict(self, key: str, question: Question) -> Verdict | None:
        """Return the verdict of a key, unless time has made it old."""
        value = self._read(key)
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            verdict = from_dict(value) if value is not None else None
            return verdict if verdict and verdict.holds(question.now) else None
        return None

    def _read(self, key: str) -> dict[str, Any] | None:
        text = self._load(key)
        with suppress(ValueError, RecursionError):
            value = None if text is None else json.loads(text)
            return value if isinstance(value, dict) else None
        return None

    def _load(self, key: str) -> bytes | None:
        return load(self.folder / key) if self.folder else None

    def _write(self, key: str, value: Mapping[str, Any]) -> None:
        self._store(key, json.dumps(value).encode())

    def _store(self, key: str, text: bytes) -> None:
        if self.folder:
            store(self.folder / key, text)

    @staticmethod
    def _forget_oldest(folder: Path) -> None:
        with suppress(OSError), os.scandir(folder) as scan:
            newest_first = sorted(scan, key=lambda entry: entry.stat().st_mtime, reverse=True)
            for entry in newest_first[_KEPT:]:
                Path(entry.path).unlink(missing_ok=True)


class _Stamp(NamedTuple):
    """What the file system says of the files of a folder: a digest of it, and the newest time (nanoseconds)."""

    digest: str
    newest: int


def _stamp(root: str | None, modules: Iterable[str]) -> _Stamp | None:
    """Return the stamp of a project folder; None where it could not show every change, as with links."""
    reading = Reading()
    lines: list[str] = []
    newest = 0
    if root is None:
        return None
    with suppress(OSError):
        for path, is_regular in [*spec_files(Path(root), reading), *module_files(Path(root), modules, reading)]:
            if not is_regular:
                return None
            of = os.lstat(f"{root}/{path}")
            newest = max(newest, of.st_mtime_ns, of.st_ctime_ns)
            lines.append(f"{path}\0{of.st_mode} {of.st_size} {of.st_mtime_ns} {of.st_ctime_ns} {of.st_ino} {of.st_dev}")
        return None if reading.problems else _Stamp(digest("\n".join(lines).encode()), newest)
    return None


def _folder_key(question: Question) -> str:
    return _key("folder", question.root, *_asked(question))


def content_key(question: Question, sources: Sources) -> str:
    """Return the key of what is made of these bytes."""
    files = ({path: digest(content) for path, content in part.items()} for part in (sources.texts, sources.modules))
    return _key("content", *_asked(question), *files, [str(problem) for problem in sources.problems])


def _shares_key(question: Question, sources: Sources) -> str:
    texts = {path: text for path, text in sources.texts.items() if path in PROJECT_FILES}
    return _key("shares", content_key(question, sources._replace(texts=texts)))


def _asked(question: Question) -> tuple[object, ...]:
    return question.env, question.every, dict(question.variables), what_decides()


def what_decides() -> str:
    """Return what else a verdict depends on: flowerpower's code, Python, and every package that can be imported."""
    return _what_decides(version.__version__, tuple(sys.path))


@lru_cache(maxsize=4)
def _what_decides(own: str, path: Sequence[str]) -> str:
    package = str(Path(version.__file__).parent)
    found = [own, sys.version]
    with suppress(OSError):  # in an archive the version has to do
        found += sorted(_code_in(package, only=_DECIDING))
    for folder in dict.fromkeys(path):
        with suppress(OSError), os.scandir(folder or ".") as scan:
            found += sorted(entry.name for entry in scan if entry.name.endswith((".dist-info", ".egg-info")))
    return "\n".join(found)


def _code_in(folder: str, only: Collection[str] = ()) -> Iterator[str]:
    """Yield what the file system says of the modules below a folder, or in *only* some parts of it."""
    with os.scandir(folder) as scan:
        entries = [entry for entry in scan if entry.name in only or not only]
    for entry in entries:
        if entry.name.endswith(".py"):
            known = entry.stat()
            yield f"{entry.path} {known.st_size} {known.st_mtime_ns}"
        elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
            yield from _code_in(entry.path)


def _key(*parts: object) -> str:
    return digest(json.dumps(parts, sort_keys=True).encode())
