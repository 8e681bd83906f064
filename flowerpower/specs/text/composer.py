"""YAML to values, by PyYAML's parser and our own composer; what the quick reader leaves, and every position.

PyYAML's parser (C where it is built in) gives events; the composer here makes plain JSON values of them and
can note where each stands. Nothing is constructed from tags, and nothing can grow beyond fixed bounds.
Merge keys (`<<`) are refused: YAML 1.2 has none, and tools disagree on what they mean.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from flowerpower.errors import Place, Problem, Severity
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.reading import MAX_SPEC_BYTES
from flowerpower.specs.text.documents import MAX_PROBLEMS, Document
from flowerpower.specs.text.scalars import CONSTANTS, NUMBER_FIRST, read_scalar
from flowerpower.specs.text.syntax import (
    bare_placeholder,
    in_quotes,
    left_behind,
    misleading,
    unprintable,
    why_not_utf8,
)

MAX_NODES = 100_000
MAX_DEPTH = 64

_PARSER: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_MERGE_KEY = "<<"
_CORE = "tag:yaml.org,2002:"
_ODD_KEYS = frozenset({*CONSTANTS, _MERGE_KEY})
_LINE_END = re.compile(r"\r\n|\n|\r")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONFLICT = re.compile(rb"^<{7} .*$", re.MULTILINE)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def compose(file: str, content: bytes, *, positions: bool) -> Composer:
    """Return the composer of a file after its work: its documents and problems, and with *positions* their places."""
    found = _look_at_bytes(file, content)
    if isinstance(found, Problem):
        composer = Composer(file, "", positions=positions)
        composer.problems.append(found)
        return composer
    text = found.removeprefix("\ufeff")
    composer = Composer(file, text, positions=positions)
    if text is not found:
        composer.report("FP004", "the file starts with a byte order mark", severity="warning")
    for offset, what in misleading(text):
        composer.problems.append(_problem("FP021", composer.place(offset), what))
    try:
        composer.compose()
    except yaml.YAMLError as error:
        composer.problems.append(_syntax_problem(composer, error))
    except _StopError:
        pass
    if not composer.documents and not any(problem.severity == "error" for problem in composer.problems):
        composer.report("FP018", "the file holds no spec")
    return composer


def _look_at_bytes(file: str, content: bytes) -> str | Problem:
    if len(content) > MAX_SPEC_BYTES:
        return _problem("FP002", Place(file), f"the file has {len(content):,} bytes, more than {MAX_SPEC_BYTES:,}")
    if content.startswith(_LFS_POINTER):
        return _problem("FP006", Place(file), "the file is a Git LFS pointer, not the file itself")
    if b"<<<<<<< " in content and (conflict := _CONFLICT.search(content)):
        line = content.count(b"\n", 0, conflict.start()) + 1
        return _problem("FP007", Place(file, line), "a merge conflict is not resolved")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _problem("FP003", _place_of_byte(file, content, error.start), why_not_utf8(content, error.start))


def _place_of_byte(file: str, content: bytes, position: int) -> Place:
    lines = _LINE_END.split(content[:position].decode("utf-8").removeprefix("\ufeff"))
    return Place(file, len(lines), len(lines[-1]) + 1)


def _problem(code: str, place: Place, what: str) -> Problem:
    return Problem(code, place, what, CODES[code].advice)


_SYNTAX_HINTS = (
    ("a tab character", "use spaces"),
    ("mapping values are not allowed", "a value that holds `: ` needs quotes; otherwise check the indentation"),
    ("could not find expected ':'", "a key needs `: ` after it; check the line above too"),
    ("did not find expected key", "check the indentation and the quotes of the lines above"),
    ("block end", "check the indentation and the quotes of the lines above"),
    ("sequence entries are not allowed", "put the value in quotes, or begin the list in a line of its own"),
    ("end of stream", "a quote or bracket is not closed"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("cannot start any token", "put the value in quotes"),
    ("alphabetic or numeric character", "put the value in quotes: `*` and `&` have a meaning of their own in YAML"),
    ("Unicode character escape", "write the character itself: YAML does not put two `\\u` escapes together"),
    ("escape character", "in double quotes write `\\\\` for a backslash, or use single quotes"),
    ("hexdecimal number", "in double quotes write `\\\\` for a backslash, or use single quotes"),
    ("YAML document", "remove the %YAML line: specs are YAML 1.2"),
    ("directive", "remove the line: a spec needs no directive"),
)
_LOOK_AT_START = ("end of stream", "expected ','", "could not find expected ':'")
"""Where what is not closed, or has no colon, begins is the place to look at, not where a reader gave up."""


def _syntax_problem(composer: Composer, error: yaml.YAMLError) -> Problem:
    text = composer.text
    reached, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    mark = reached or start
    if mark is None:
        return _unprintable_problem(composer, error)
    what = str(getattr(error, "problem", None) or getattr(error, "context", None) or "cannot be read as YAML")
    if (offset := left_behind(text)) is not None:
        return _problem("FP007", composer.place(offset), "a marker of a merge conflict was left behind")
    if start and any(words in what for words in _LOOK_AT_START):
        mark = start
        until = (reached or start).index
        if "expected ','" in what and (bare := bare_placeholder(text, start.index, until)):
            offset, value = bare
            return Problem(
                "FP010", composer.place(offset), "a placeholder in brackets has no quotes", f'write "{value}"'
            )
    place = composer.place(mark.index)
    if "nesting depth" in what:  # PyYAML 6.0.4 and later stop by themselves, before they say what they have read
        return _problem("FP015", place, f"values are nested more than {MAX_DEPTH} deep")
    line = _LINE_END.split(text)[place.line - 1]
    if "token" in what and line[place.column - 1 : place.column] == "\t":
        return Problem("FP010", place, "a tab cannot indent YAML", "use spaces")
    general = next((hint for start, hint in _SYNTAX_HINTS if start in what), CODES["FP010"].advice)
    return Problem("FP010", place, what, in_quotes(what, line) or general)


def _unprintable_problem(composer: Composer, error: yaml.YAMLError) -> Problem:
    found = _UNPRINTABLE.search(composer.text)
    if found is None:
        return _problem("FP010", Place(composer.file), str(error).splitlines()[0])
    return Problem("FP010", composer.place(found.start()), *unprintable(found[0]))


class _StopError(Exception):
    """The rest of the file is not looked at: a bound is passed."""


@dataclass(slots=True)
class _Anchor:
    """A value with a name: how many nodes it is written out, and how deep."""

    value: Any = None
    size: int = 1
    height: int = 0
    done: bool = False


class Composer:
    """Makes documents of events. One per file; the hot path of every command."""

    def __init__(self, file: str, text: str, *, positions: bool) -> None:
        self.file, self.text, self.positions = file, text, positions
        self.documents: list[Document] = []
        self.starts: list[int] = []
        self.problems: list[Problem] = []
        self.offsets: dict[int, dict[str | int, tuple[int, int]]] = {}
        self._nodes = self._depth = self._deepest = 0
        self._line_starts: list[int] = []
        self._anchors: dict[str, _Anchor] = {}
        self._next: Callable[[], Any] = lambda: None

    def place(self, offset: int) -> Place:
        """Return the place of the character at *offset*."""
        if not self._line_starts:
            self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(self.text))]
        line = bisect_right(self._line_starts, offset)
        return Place(self.file, line, offset - self._line_starts[line - 1] + 1)

    def report(self, code: str, what: str, mark: Any = None, *, severity: Severity = "error") -> None:
        """Note a problem at *mark*, or at the start of the file."""
        place = self.place(mark.index) if mark else Place(self.file)
        self.problems.append(Problem(code, place, what, CODES[code].advice, severity))
        if len(self.problems) == MAX_PROBLEMS:
            self._stop("FP020", f"the file has {MAX_PROBLEMS} problems or more", mark)

    def compose(self) -> None:
        """Read all documents of the text; YAMLError for broken syntax."""
        parser = _PARSER(self.text)
        self._next = parser.get_event
        try:
            while type(event := self._next()) is not yaml.StreamEndEvent:
                if type(event) is yaml.DocumentStartEvent:
                    self._document(event)
        finally:
            self._next = lambda: None
            parser.dispose()

    def _document(self, start: Any) -> None:
        before = len(self.problems)
        if start.version not in (None, (1, 2)):
            self.report("FP010", "specs are YAML 1.2; remove the %YAML line", start.start_mark)
        self._anchors = {}
        self._nodes += 1
        event = self._next()
        data = self._node(event)
        self._next()  # the end of the document
        if data is None:
            self.report("FP018", "the document is empty", event.start_mark)
        number, mark = len(self.documents), event.start_mark
        self.starts.append(mark.index)
        self.documents.append(Document(self.file, number, mark.line + 1, data, len(self.problems) == before))

    def _node(self, event: Any) -> Any:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            return self._scalar(event)
        if kind is yaml.AliasEvent:
            return self._alias(event)
        mapping = kind is yaml.MappingStartEvent
        if event.tag is not None:
            self._check_tag(event, "map" if mapping else "seq")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._stop("FP015", f"values are nested more than {MAX_DEPTH} deep", event.start_mark)
        if event.anchor is not None:
            return self._anchored(event, self._mapping if mapping else self._sequence)
        self._deepest = max(self._deepest, self._depth)
        return self._mapping(event) if mapping else self._sequence(event)

    def _anchored(self, event: Any, read: Callable[[Any], Any]) -> Any:
        anchor = self._anchors[event.anchor] = _Anchor()
        nodes, deepest = self._nodes, self._deepest
        self._deepest = self._depth
        anchor.value = read(event)
        anchor.size, anchor.done = self._nodes - nodes, True
        anchor.height = self._deepest - self._depth
        self._deepest = max(deepest, self._deepest)
        return anchor.value

    def _mapping(self, start: Any) -> dict[str, Any]:
        following, scalar, end = self._next, yaml.ScalarEvent, yaml.MappingEndEvent
        data: dict[str, Any] = {}
        offsets = self._new_offsets(data)
        while type(key_event := following()) is not end:
            key = key_event.value if type(key_event) is scalar else ""
            odd = key in _ODD_KEYS or key[0] in NUMBER_FIRST or key in data
            if odd or key_event.anchor or key_event.tag:
                key = self._odd_key(key_event, data)
            event = following()
            value = self._scalar(event) if type(event) is scalar else self._node(event)
            data[key] = value
            if offsets is not None:
                offsets[key] = (key_event.start_mark.index, event.start_mark.index)
        self._close(start, len(data))
        return data

    def _sequence(self, start: Any) -> list[Any]:
        following, scalar, end = self._next, yaml.ScalarEvent, yaml.SequenceEndEvent
        data: list[Any] = []
        offsets = self._new_offsets(data)
        while type(event := following()) is not end:
            if offsets is not None:
                offsets[len(data)] = (event.start_mark.index, event.start_mark.index)
            data.append(self._scalar(event) if type(event) is scalar else self._node(event))
        self._close(start, len(data))
        return data

    def _new_offsets(self, data: object) -> dict[str | int, tuple[int, int]] | None:
        if not self.positions:
            return None
        new: dict[str | int, tuple[int, int]] = {}
        self.offsets[id(data)] = new  # a value that is thrown away, as of a key that is there twice, may have left some
        return new

    def _close(self, start: Any, members: int) -> None:
        self._depth -= 1
        self._nodes += members + 1
        if self._nodes > MAX_NODES:
            self._stop("FP014", f"the file holds more than {MAX_NODES:,} values", start.start_mark)

    def _scalar(self, event: Any) -> Any:
        value = event.value
        if event.implicit[0]:  # plain and untagged
            if value in CONSTANTS:
                value = CONSTANTS[value]
            elif value[0] in NUMBER_FIRST:
                value = read_scalar(value)
                if value.__class__ is float and not math.isfinite(value):
                    self.report("FP019", f"{event.value[:40]} is not a finite number", event.start_mark)
        elif event.tag is not None:
            self._check_tag(event, "str")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, done=True)
        return value

    def _odd_key(self, event: Any, data: dict[str, Any]) -> str:
        """Return the key of an event that is not just a new text."""
        key = self._node(event)
        if not isinstance(key, str):
            written = str(getattr(event, "value", f"*{event.anchor}"))
            what = "a key is a collection, not a text" if isinstance(key, (dict, list)) else ""
            self.report("FP017", what or f"the key {written[:80]} is not a text", event.start_mark)
        elif key in data:
            self.report("FP011", f"the key '{key[:80]}' is there twice{self._first(key, data)}", event.start_mark)
        elif key == _MERGE_KEY:
            self.report("FP016", "the merge key `<<` is not part of YAML 1.2", event.start_mark)
        return str(key)

    def _first(self, key: str, data: dict[str, Any]) -> str:
        found = self.offsets.get(id(data), {}).get(key)
        return f", first in line {self.place(found[0]).line}" if found else ""

    def _alias(self, event: Any) -> Any:
        anchor, mark = self._anchors.get(event.anchor), event.start_mark
        if anchor is None or not anchor.done:
            why = "is not defined above" if anchor is None else "stands inside itself"
            self.report("FP013", f"the alias *{event.anchor[:80]} {why}", mark)
            return ""
        self._nodes += anchor.size
        depth = self._depth + anchor.height + 1
        self._deepest = max(self._deepest, depth)
        if self._nodes > MAX_NODES:
            self._stop("FP014", f"the aliases stand for more than {MAX_NODES:,} values", mark)
        if depth > MAX_DEPTH:
            self._stop("FP015", f"the alias nests values more than {MAX_DEPTH} deep", mark)
        return anchor.value

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in ("!", f"{_CORE}{kind}"):
            name = event.tag.replace(_CORE, "!!")
            self.report("FP012", f"the tag {name[:80]} is not allowed in a spec", event.start_mark)

    def _stop(self, code: str, what: str, mark: Any) -> NoReturn:
        self.report(code, what, mark)
        raise _StopError
