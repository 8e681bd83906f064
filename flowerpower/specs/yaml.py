"""Text to values with positions, in one parse, by the rules of YAML 1.2 core.

PyYAML's parser (C where it is built in) gives events; the composer here makes plain JSON values of them and
notes where each stands. Nothing is constructed from tags, and nothing can grow beyond fixed bounds.
Merge keys (`<<`) are refused: YAML 1.2 has none, and tools disagree on what they mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 64

_PARSER: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_NO_KEY: Any = object()
_MERGE_KEY = "<<"
_CORE = "tag:yaml.org,2002:"
_ODD_FIRST = frozenset("0123456789+-.~nNtTfF")
_CONSTANTS: Mapping[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONFLICT = re.compile(rb"^<{7} .*$", re.MULTILINE)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class Mark(Protocol):
    """A position of the parser; counts from 0."""

    line: int
    column: int


Marks = dict[str, tuple[Mark, Mark]] | list[Mark]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: plain JSON values, and where each of them stands."""

    file: str
    data: Any
    start: Mark
    marks: Mapping[int, Marks] = field(repr=False)  # by id() of the container, which `data` keeps alive
    sound: bool = True  # False: it has problems of its own, and its data is only a guess

    def find(self, path: Sequence[str | int], *, key: bool = False) -> tuple[Place, int]:
        """Return the place of the value (or *key*) at *path* and how many steps of it were found."""
        node, mark = self.data, self.start
        for depth, step in enumerate(path):
            marks = self.marks.get(id(node))
            if isinstance(step, str) and isinstance(marks, dict) and step in marks:
                mark = marks[step][0 if key and depth == len(path) - 1 else 1]
            elif isinstance(step, int) and isinstance(marks, list) and step < len(marks):
                mark = marks[step]
            else:
                return Place(self.file, mark.line + 1, mark.column + 1), depth
            node = node[step]
        return Place(self.file, mark.line + 1, mark.column + 1), len(path)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The documents of one file, and what is wrong with its text."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


def parse(file: str, content: bytes) -> Parsed:
    """Return the documents of a spec file; never raises, every mistake is a Problem."""
    found = _look_at_bytes(file, content)
    if isinstance(found, Problem):
        return Parsed((), (found,))
    composer = _Composer(file)
    if found.startswith("\ufeff"):
        found = found[1:]
        composer.report("FP004", "the file starts with a byte order mark", severity="warning")
    try:
        composer.compose(found)
    except yaml.YAMLError as error:
        composer.problems.append(_syntax_problem(file, found, error))
    except _StopError:
        pass
    if not composer.documents and not composer.problems:
        composer.report("FP018", "the file holds no spec")
    return Parsed(tuple(composer.documents), tuple(composer.problems))


def read_scalar(text: str) -> Any:
    """Return the value of a plain scalar under YAML 1.2 core: null, truth, number or text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return _read_integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return math.inf
    return text


def _read_integer(text: str) -> int | float:
    if text.startswith(("0o", "0x")):
        return int(text[2:], 8 if text[1] == "o" else 16)
    return int(text) if len(text) < 400 else math.inf


def _look_at_bytes(file: str, content: bytes) -> str | Problem:
    if len(content) > MAX_BYTES:
        return _problem("FP002", Place(file), f"the file has {len(content):,} bytes, more than {MAX_BYTES:,}")
    if content.startswith(_LFS_POINTER):
        return _problem("FP006", Place(file), "the file is a Git LFS pointer, not the file itself")
    if b"<<<<<<< " in content and (conflict := _CONFLICT.search(content)):
        line = content.count(b"\n", 0, conflict.start()) + 1
        return _problem("FP007", Place(file, line), "a merge conflict is not resolved")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _problem("FP003", _place_of_byte(file, content, error.start), _why_not_utf8(content, error.start))


def _why_not_utf8(content: bytes, position: int) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16, not UTF-8"
    return f"the byte 0x{content[position]:02x} is not UTF-8"


def _place_of_byte(file: str, content: bytes, position: int) -> Place:
    before = content[:position]
    start = before.rfind(b"\n") + 1
    return Place(file, before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1)


def _problem(code: str, place: Place, what: str) -> Problem:
    return Problem(code, place, what, CODES[code].advice)


_SYNTAX_HINTS = (
    ("mapping values are not allowed", "a value that holds `: ` needs quotes; otherwise check the indentation"),
    ("could not find expected ':'", "a key needs `: ` after it; check the line above too"),
    ("did not find expected key", "check the indentation and the quotes of the lines above"),
    ("block end", "check the indentation and the quotes of the lines above"),
    ("end of stream", "a quote or bracket is not closed"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("cannot start any token", "put the value in quotes"),
)


def _syntax_problem(file: str, text: str, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _unprintable_problem(file, text, error)
    what = str(getattr(error, "problem", None) or getattr(error, "context", None) or "cannot be read as YAML")
    if "end of stream" in what:  # the place to look at is where the open quote or bracket is
        mark = getattr(error, "context_mark", None) or mark
    place = Place(file, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    if "token" in what and mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
        return Problem("FP010", place, "a tab cannot indent YAML", "use spaces")
    hint = next((hint for start, hint in _SYNTAX_HINTS if start in what), CODES["FP010"].advice)
    return Problem("FP010", place, what, hint)


def _unprintable_problem(file: str, text: str, error: yaml.YAMLError) -> Problem:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return _problem("FP010", Place(file), str(error).splitlines()[0])
    before = text[: found.start()]
    place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Problem("FP010", place, f"the character U+{ord(found[0]):04X} cannot stand in YAML", "remove it")


class _StopError(Exception):
    """The rest of the file is not looked at: a bound is passed."""


class _Anchor:
    """A value with a name: how many nodes it is written out, and how deep."""

    __slots__ = ("done", "height", "size", "value")

    def __init__(self, value: Any) -> None:
        self.value, self.done, self.size, self.height = value, False, 1, 0


class _Composer:
    """Makes documents of events. One per file; the hot path of every command."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self.nodes = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start_mapping,
            yaml.SequenceStartEvent: self._start_sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._start_document,
            yaml.DocumentEndEvent: self._end_document,
            yaml.StreamStartEvent: lambda _event: None,
        }

    def report(self, code: str, what: str, mark: Mark | None = None, *, severity: Any = "error") -> None:
        """Note a problem at *mark*, or at the start of the file."""
        place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)
        self.problems.append(Problem(code, place, what, CODES[code].advice, severity))

    def compose(self, text: str) -> None:
        """Read all documents of *text*; YAMLError for broken syntax."""
        parser = _PARSER(text)
        handlers, get_event = self._handlers, parser.get_event
        try:
            while type(event := get_event()) is not yaml.StreamEndEvent:
                handlers[type(event)](event)
        finally:
            parser.dispose()

    def _start_document(self, event: Any) -> None:
        if event.version not in (None, (1, 2)):
            self.report("FP010", "specs are YAML 1.2; remove the %YAML line", event.start_mark)
        self._root: Any = None
        self._root_mark: Mark = event.end_mark
        self._anchors: dict[str, _Anchor] = {}
        self._marks: dict[int, Marks] = {}
        self._frames: list[tuple[Any, Any, Any, Any, Mark, _Anchor | None, int, int]] = []
        self._container: Any = None
        self._places: Any = None
        self._key: Any = _NO_KEY
        self._key_mark: Any = None
        self._deepest = 0
        self._problems_before = sum(problem.severity == "error" for problem in self.problems)

    def _end_document(self, event: Any) -> None:
        if self._root is None:
            self.report("FP018", "the document is empty", self._root_mark)
        errors = sum(problem.severity == "error" for problem in self.problems)
        sound = errors == self._problems_before
        self.documents.append(Document(self.file, self._root, self._root_mark, self._marks, sound))

    def _scalar(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop("FP014", f"the file holds more than {MAX_NODES:,} values", event.start_mark)
        value = event.value
        if event.implicit[0]:  # plain and untagged
            if not value or value[0] in _ODD_FIRST:
                value = read_scalar(value)
                if value.__class__ is float and not math.isfinite(value):
                    self.report("FP019", f"{event.value[:40]} is not a finite number", event.start_mark)
        elif event.tag is not None:
            self._check_tag(event, "str")
        if event.anchor is not None:
            anchor = self._anchors[event.anchor] = _Anchor(value)
            anchor.done = True
        self._add(value, event.start_mark)

    def _add(self, value: Any, mark: Mark) -> None:
        container = self._container
        if container.__class__ is dict:
            if self._key is _NO_KEY:
                self._key, self._key_mark = self._check_key(value, mark), mark
            else:
                container[self._key] = value
                self._places[self._key] = (self._key_mark, mark)
                self._key = _NO_KEY
        elif container is None:
            self._root, self._root_mark = value, mark
        else:
            container.append(value)
            self._places.append(mark)

    def _check_key(self, key: Any, mark: Mark) -> str:
        if key.__class__ is not str:
            self.report("FP017", f"the key {_show(key)} is not a text", mark)
            return str(key)
        if key in self._container:
            first = self._places[key][0]
            self.report("FP011", f"the key '{key[:80]}' is there twice, first in line {first.line + 1}", mark)
        elif key == _MERGE_KEY:
            self.report("FP016", "the merge key `<<` is not part of YAML 1.2", mark)
        return str(key)

    def _start_mapping(self, event: Any) -> None:
        self._start(event, {}, {}, "map")

    def _start_sequence(self, event: Any) -> None:
        self._start(event, [], [], "seq")

    def _start(self, event: Any, container: Any, places: Any, kind: str) -> None:
        self.nodes += 1
        if event.tag is not None:
            self._check_tag(event, kind)
        anchor = None
        if event.anchor is not None:
            anchor = self._anchors[event.anchor] = _Anchor(container)
        frame = (self._container, self._places, self._key, self._key_mark, event.start_mark, anchor)
        self._frames.append((*frame, self.nodes, self._deepest))
        self._container, self._places, self._key = container, places, _NO_KEY
        self._marks[id(container)] = places
        self._deepest = len(self._frames)
        if len(self._frames) > MAX_DEPTH:
            self._stop("FP015", f"values are nested more than {MAX_DEPTH} deep", event.start_mark)

    def _end(self, _event: Any) -> None:
        value, deepest = self._container, self._deepest
        self._container, self._places, self._key, self._key_mark, mark, anchor, nodes, before = self._frames.pop()
        if anchor is not None:
            anchor.done, anchor.size, anchor.height = True, self.nodes - nodes + 1, deepest - len(self._frames)
        self._deepest = max(deepest, before)
        self._add(value, mark)

    def _alias(self, event: Any) -> None:
        anchor, mark = self._anchors.get(event.anchor), event.start_mark
        if anchor is None or not anchor.done:
            why = "is not defined above" if anchor is None else "stands inside itself"
            self.report("FP013", f"the alias *{event.anchor[:80]} {why}", mark)
            self._add("", mark)
            return
        self.nodes += anchor.size
        depth = len(self._frames) + anchor.height
        self._deepest = max(self._deepest, depth)
        if self.nodes > MAX_NODES:
            self._stop("FP014", f"the aliases stand for more than {MAX_NODES:,} values", mark)
        if depth > MAX_DEPTH:
            self._stop("FP015", f"the alias nests values more than {MAX_DEPTH} deep", mark)
        self._add(anchor.value, mark)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in ("!", f"{_CORE}{kind}"):
            name = event.tag.replace(_CORE, "!!")
            self.report("FP012", f"the tag {name[:80]} is not allowed in a spec", event.start_mark)

    def _stop(self, code: str, what: str, mark: Mark) -> None:
        self.report(code, what, mark)
        raise _StopError


def _show(key: object) -> str:
    return "that is a collection" if isinstance(key, (dict, list)) else f"{key!r}"[:80]
