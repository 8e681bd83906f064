"""What a plain scalar means under YAML 1.2 core."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

NO_VALUE_OF_PYTHON = "None"
OPENING_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u00ab"
"""None of them is one of YAML: a value that begins with one is looked at twice."""
NUMBER_FIRST = frozenset("0123456789+-.")
CONSTANTS: Mapping[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_LONG = 400  # digits
_OF_A_SHELL = re.compile(r"\$(?:[A-Z_][A-Z0-9_]|\()")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)


def may_be_filled_in(text: str) -> bool:
    """Tell whether another tool would fill in something in a text: a template, a variable of a shell, a command."""
    return "{{" in text or ("$" in text and _OF_A_SHELL.search(text) is not None)


def read_scalar(text: str) -> Any:
    """Return the value of a plain scalar: null, truth, number or text; any number that is not finite is infinity."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    return _read_number(text) if text[0] in NUMBER_FIRST else text


def _read_number(text: str) -> int | float | str:
    """Return the number that a text is, or the text."""
    if text.isdigit() and text.isascii() and len(text) < _LONG:
        return int(text)
    if _INTEGER.fullmatch(text):
        return _read_integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return math.inf if _NOT_FINITE.fullmatch(text) else text


def _read_integer(text: str) -> int | float:
    if len(text) >= _LONG:  # Python refuses to write out the longest, in whatever base they were read
        return math.inf
    return int(text[2:], 8 if text[1] == "o" else 16) if text.startswith(("0o", "0x")) else int(text)
