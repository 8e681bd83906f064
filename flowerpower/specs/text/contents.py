"""What of the bytes of a file is text at all: not too much, no pointer, no conflict, and UTF-8."""

from __future__ import annotations

import re

from flowerpower.errors import Place, Problem
from flowerpower.specs.codes import CODES
from flowerpower.specs.files.reading import MAX_SPEC_BYTES
from flowerpower.specs.text.lines import LINE_END
from flowerpower.specs.text.syntax import why_not_utf8

_CONFLICT = re.compile(rb"^<{7} .*$", re.MULTILINE)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def text_of(file: str, content: bytes) -> str | Problem:
    """Return the text of a file, or why it is none that can be read as a spec."""
    if len(content) > MAX_SPEC_BYTES:
        return problem_of("FP002", Place(file), f"the file has {len(content):,} bytes, more than {MAX_SPEC_BYTES:,}")
    if content.startswith(_LFS_POINTER):
        return problem_of("FP006", Place(file), "the file is a Git LFS pointer, not the file itself")
    if b"<<<<<<< " in content and (conflict := _CONFLICT.search(content)):
        line = content.count(b"\n", 0, conflict.start()) + 1
        return problem_of("FP007", Place(file, line), "a merge conflict is not resolved")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return problem_of("FP003", _place_of_byte(file, content, error.start), why_not_utf8(content, error.start))


def _place_of_byte(file: str, content: bytes, position: int) -> Place:
    lines = LINE_END.split(content[:position].decode("utf-8").removeprefix("\ufeff"))
    return Place(file, len(lines), len(lines[-1]) + 1)


def problem_of(code: str, place: Place, what: str) -> Problem:
    """Return a problem with the advice of its code."""
    return Problem(code, place, what, CODES[code].advice)
