"""YAML to values, by PyYAML's parser and our own composer; what the quick reader leaves, and every position.

PyYAML's parser (C where it is built in) gives events; the composer here makes plain JSON values of them and
can note where each stands. Nothing is constructed from tags, and nothing can grow beyond fixed bounds.
Merge keys (`<<`) are refused: YAML 1.2 has none, and tools disagree on what they mean.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import yaml

from flowerpower.errors import Place, Problem, Severity
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.kinds import kind_of_file
from flowerpower.specs.text.documents import MAX_PROBLEMS, Document
from flowerpower.specs.text.doubts import doubt, is_secret, may_hold_doubts
from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.scalars import CONSTANTS, NUMBER_FIRST, may_be_filled_in, read_scalar
from flowerpower.specs.text.syntax import ODD_SPACES, why_no_anchor
from flowerpower.specs.text.templates import tag_hint, template_doubt, template_hint

MAX_NODES = 100_000
MAX_DEPTH = 64
_MOST_DOUBTS = 20  # told of one file

_PARSER: Any = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_MERGE_KEY = "<<"
_CORE = "tag:yaml.org,2002:"
_ODD_KEYS = frozenset({*CONSTANTS, _MERGE_KEY})
_ODD_FIRST = NUMBER_FIRST | ODD_SPACES.keys()
_TEMPLATE = re.compile(r"\{\{[^}\r\n]*\}\}")


class StopError(Exception):
    """The rest of the file is not looked at: a bound is passed."""


@dataclass(slots=True)
class _Anchor:
    """A value with a name: how many nodes it is written out, and how deep."""

    value: Any = None
    size: int = 1
    height: int = 0
    done: bool = False


class Twin(NamedTuple):
    """A key that is there twice in one mapping: the offsets of both."""

    first: int
    second: int
    in_brackets: bool = False


@dataclass(slots=True)
class _Mark:
    """A place as the parser tells it."""

    index: int


class Composer:
    """Makes documents of events. One per file; the hot path of every command."""

    def __init__(self, file: str, text: str, *, positions: bool, holes: Sequence[int] = ()) -> None:
        self.file, self.text, self.positions = file, text, positions
        self.documents: list[Document] = []
        self.starts: list[int] = []
        self.problems: list[Problem] = []
        self.offsets: dict[int, dict[str | int, tuple[int, int]]] = {}
        self.left_open: set[int] = set()  # offsets of values that are not written at all
        self.twins: list[Twin] = []
        self.doubts: list[Problem] = []  # warnings, which make no document unsound
        self._doubtful = may_hold_doubts(text)
        self._templates = may_be_filled_in(text)
        self.begun = 0  # where the document that is read begins
        self._holes, self._ended = holes, 0
        self._nodes = self._depth = self._deepest = 0
        self._line_starts: list[int] = []
        self._anchors: dict[str, _Anchor] = {}
        self._earlier: list[tuple[dict[str, Any], Any]] = []  # parts of a document, and where the next one begins
        self._others: list[tuple[dict[str, Any], Any]] = []  # documents that no `---` begins, and where they do
        self._next: Callable[[], Any] = lambda: None

    def place(self, offset: int) -> Place:
        """Return the place of the character at *offset*."""
        if not self._line_starts:
            self._line_starts = [0, *(end.end() for end in LINE_END.finditer(self.text))]
        line = bisect_right(self._line_starts, offset)
        return Place(self.file, line, offset - self._line_starts[line - 1] + 1)

    def report(self, code: str, what: str, mark: Any = None, hint: str = "", *, severity: Severity = "error") -> None:
        """Note a problem at *mark*, or at the start of the file."""
        place = self.place(mark.index) if mark else Place(self.file)
        self.problems.append(Problem(code, place, what, hint or CODES[code].advice, severity))
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
            self._holes_after_the_last()
        finally:
            self._next = lambda: None
            parser.dispose()

    def _document(self, start: Any) -> None:
        before, open_before, self.begun = len(self.problems), len(self.left_open), start.start_mark.index
        if start.version not in (None, (1, 2)):
            self.report("FP010", "specs are YAML 1.2", start.start_mark, "remove the %YAML line")
        self._anchors = {}
        self._nodes += 1
        event = self._next()
        data = self._node(event)
        end = self._next().start_mark.line + 1
        holes = tuple(line for line in self._holes if self._ended < line <= end)
        self._ended = end
        if data is None and not holes:
            mark = start.start_mark if start.explicit else event.start_mark
            self.report("FP018", "the document is empty", mark)
        sound, opened = len(self.problems) == before and not holes, len(self.left_open) > open_before
        for part, mark in ((data, event.start_mark), *self._others):
            self.starts.append(mark.index)
            self.documents.append(Document(self.file, len(self.documents), mark.line + 1, part, sound, holes, opened))
        self._others = []

    def _holes_after_the_last(self) -> None:
        """Give what cannot be read after the last document to that one, which it was most likely a part of."""
        holes = tuple(line for line in self._holes if line > self._ended)
        if holes and self.documents:
            last = self.documents[-1]
            self.documents[-1] = last._replace(sound=False, holes=(*last.holes, *holes))

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
            odd = key in _ODD_KEYS or key[0] in _ODD_FIRST or key in data
            if odd and self._depth == 1 and len(data) > 1 and key == next(iter(data)) and not start.flow_style:
                self._earlier.append((data, key_event.start_mark))
                self._nodes += len(data)
                data = {}
                offsets = self._new_offsets(data)
            elif odd or key_event.anchor or key_event.tag:
                key = self._odd_key(key_event, data, in_brackets=start.flow_style)
            event = following()
            value = self._scalar(event) if type(event) is scalar else self._node(event)
            data[key] = value
            if offsets is not None:
                offsets[key] = (key_event.start_mark.index, event.start_mark.index)
        self._close(start, len(data))
        return self._joined(data) if self._depth == 0 and self._earlier else data

    def _joined(self, last: dict[str, Any]) -> dict[str, Any]:
        """Return what stands before the first key of a document comes again, which most likely begins another spec.

        The others are kept, as documents; but if they have not more than that key in common, it is one that is wrong.
        """
        parts, marks = [*(data for data, _ in self._earlier), last], [mark for _, mark in self._earlier]
        self._earlier = []
        first = parts[0]
        several = kind_of_file(self.file) != "project"
        if several and all(len(first.keys() & part.keys()) > 1 for part in parts[1:]):
            self._others = list(zip(parts[1:], marks, strict=True))
            for mark in marks:
                what = f"the key '{next(iter(first))[:80]}' is there again, as if another spec began"
                self.report("FP011", what, mark, "write a line `---` before it, or keep one of the two")
            return first
        for part in parts[1:]:
            for key in part.keys() & first.keys():
                self._report_twin(key, first, _Mark(self.offsets.get(id(part), {}).get(key, (0,))[0]))
            self.offsets.get(id(first), {}).update(self.offsets.get(id(part), {}))
            first.update(part)
        return first

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
            if self._doubtful or " - " in value:
                self._doubt(value, event.start_mark.index, event.end_mark.index)
            if value in CONSTANTS:
                value = CONSTANTS[value]
            elif value[0] in NUMBER_FIRST:
                value = read_scalar(value)
                if value.__class__ is float and not math.isfinite(value):
                    self.report("FP019", f"{event.value[:40]} is not a finite number", event.start_mark)
        elif event.tag is not None:
            self._check_tag(event, "str")
        if value is None or self._templates or event.anchor is not None:
            self._beside(event, value)
        return value

    def _beside(self, event: Any, value: Any) -> None:
        """Note what else there is of a scalar than its value: that nothing is written, its name, a template."""
        if not event.value and value is None:
            self.left_open.add(event.start_mark.index)
        start = event.start_mark.index
        if self._templates and (found := template_doubt(event.value)) and not is_secret(self.text, start):
            self._note_doubt(start, *found)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, done=True)

    def _doubt(self, value: str, start: int, end: int) -> None:
        if len(self.doubts) < _MOST_DOUBTS and (found := doubt(self.text, value, start, end)):
            self._note_doubt(*found)

    def _note_doubt(self, offset: int, what: str, hint: str) -> None:
        if len(self.doubts) < _MOST_DOUBTS:
            self.doubts.append(Problem("FP024", self.place(offset), what, hint, "warning"))

    def _odd_key(self, event: Any, data: dict[str, Any], *, in_brackets: bool) -> str:
        """Return the key of an event that is not just a new text."""
        key = self._node(event)
        if not isinstance(key, str):
            written = str(getattr(event, "value", f"*{event.anchor}"))
            what = "a key is a collection, not a text" if isinstance(key, (dict, list)) else ""
            self._wrong_key(event.start_mark, what or f"the key {written[:80]} is not a text")
        elif key in data:
            self._report_twin(key, data, event.start_mark, in_brackets=in_brackets)
        elif key[:1] in ODD_SPACES and event.implicit[0]:
            self._space_before(event.start_mark, key[0])
        elif key == _MERGE_KEY:
            self.report("FP016", "the merge key `<<` is not part of YAML 1.2", event.start_mark)
        return str(key)

    def _wrong_key(self, mark: Any, what: str) -> None:
        written = _TEMPLATE.match(self.text, mark.index - 1)
        if written is None:
            self.report("FP017", what, mark)
            return
        what = f"`{written[0][:40]}` is template syntax"
        self.report("FP017", what, _Mark(mark.index - 1), template_hint(written[0]))

    def _space_before(self, mark: Any, character: str) -> None:
        place = self.place(mark.index)
        what = f"this key begins with {ODD_SPACES[character]}"
        self.problems.append(Problem("FP021", place, what, "remove it, and indent with spaces"))
        self._holes = (*self._holes, place.line)

    def _report_twin(self, key: str, data: dict[str, Any], mark: Any, *, in_brackets: bool = False) -> None:
        found = self.offsets.get(id(data), {}).get(key)
        if found:
            self.twins.append(Twin(found[0], mark.index, in_brackets))
        first = f", first in line {self.place(found[0]).line}" if found else ""
        self.report("FP011", f"the key '{key[:80]}' is there twice{first}", mark)

    def _alias(self, event: Any) -> Any:
        anchor, mark = self._anchors.get(event.anchor), event.start_mark
        if anchor is None or not anchor.done:
            why = "stands inside itself" if anchor else why_no_anchor(self.text[: mark.index], event.anchor)
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
            hint = tag_hint(name, getattr(event, "value", ""))
            self.report("FP012", f"the tag {name[:80]} is not allowed in a spec", event.start_mark, hint)

    def _stop(self, code: str, what: str, mark: Any) -> NoReturn:
        self.report(code, what, mark)
        raise StopError
