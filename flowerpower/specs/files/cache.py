"""Verdicts on projects, kept until something changes. A cache that is wrong, corrupt or not there changes no answer.

A verdict is kept under the digest of all that it was made from: the bytes of every file, environment and variables,
flowerpower's own code, Python and the packages beside it. Beside it lies, for each folder, what the file system said of
its files when it was read (size, times, inode), so that an unchanged folder need not be read again. As in git, files
changed within the last two seconds are not trusted to show it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flowerpower
from flowerpower.specs.files.reading import Reading, Sources
from flowerpower.specs.files.walk import module_files, spec_files
from flowerpower.specs.verdict import Question, Verdict, from_dict, to_dict

_KEPT = 200  # files; the oldest go
_UNSETTLED = 2_000_000_000  # nanoseconds
_DECIDING = ("errors.py", "specs", "schedule", "dataflow", "state")  # the code of flowerpower that answers depend on


class VerdictCache:
    """Verdicts in a folder of files; every failure to read or write one is as if it were not there."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.is_there = folder is not None

    def of_unchanged_folder(self, question: Question) -> Verdict | None:
        """Return the verdict on a folder whose files are, by what the file system says, those of the last check."""
        key = self.unchanged(question)
        return self.verdict(key, question) if key else None

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
        if self._folder is None:
            return
        key = content_key(question, sources)
        self._write(key, to_dict(verdict))
        found = _stamp(question.root, folders)
        if found and found.newest < read_at - _UNSETTLED:
            self._write(_folder_key(question), {"modules": list(folders), "stamp": found.digest, "verdict": key})
        self._forget_oldest(self._folder)

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
        """Return what is kept under a key, if it is still what was written."""
        if self._folder is None:
            return None
        with suppress(OSError):
            digest, _, text = (self._folder / key).read_bytes().partition(b"\n")
            if digest == _digest(text).encode():
                return text
        return None

    def _write(self, key: str, value: Mapping[str, Any]) -> None:
        self._store(key, json.dumps(value).encode())

    def _store(self, key: str, text: bytes) -> None:
        """Keep a text, in one step, so that nobody reads half of it."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="new-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(_digest(text).encode() + b"\n" + text)
            Path(name).replace(self._folder / key)

    @staticmethod
    def _forget_oldest(folder: Path) -> None:
        with suppress(OSError), os.scandir(folder) as scan:
            newest_first = sorted(scan, key=lambda entry: entry.stat().st_mtime, reverse=True)
            for entry in newest_first[_KEPT:]:
                Path(entry.path).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Stamp:
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
        return None if reading.problems else _Stamp(_digest("\n".join(lines).encode()), newest)
    return None


def _folder_key(question: Question) -> str:
    return _key("folder", question.root, *_asked(question))


def content_key(question: Question, sources: Sources) -> str:
    """Return the key of what is made of these bytes."""
    files = ({path: _digest(content) for path, content in part.items()} for part in (sources.texts, sources.modules))
    return _key("content", *_asked(question), *files, [str(problem) for problem in sources.problems])


def _asked(question: Question) -> tuple[object, ...]:
    return question.env, dict(question.variables), "\n".join(_what_decides())


def _what_decides() -> Iterator[str]:
    """Yield what else a verdict depends on: flowerpower's code, Python, and every package that can be imported."""
    yield flowerpower.__version__
    yield sys.version
    package = Path(flowerpower.__file__).parent
    with suppress(OSError):  # in an archive the version has to do
        for file in [package / "errors.py", *sorted(package.glob("*/**/*.py"))]:
            if file.parts[len(package.parts)] in _DECIDING:
                yield f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}"
    for folder in dict.fromkeys(sys.path):
        with suppress(OSError), os.scandir(folder or ".") as scan:
            yield from sorted(entry.name for entry in scan if entry.name.endswith((".dist-info", ".egg-info")))


def _key(*parts: object) -> str:
    return _digest(json.dumps(parts, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
