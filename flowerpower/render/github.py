"""What a job on GitHub reads of a step: annotations in its log, and the outputs that later steps use."""

from __future__ import annotations

from collections.abc import Mapping

from flowerpower.render.words import safe

MOST_ANNOTATIONS = 10
"""How many of one type GitHub shows of a step; it drops the others without a word."""

LARGEST_SUMMARY = 1_000_000
"""Bytes of all summaries of a step; GitHub drops those of more than 1 MiB as a whole."""


def annotation(kind: str, properties: Mapping[str, str], message: str) -> str:
    """Return a line that GitHub makes an annotation of; a property without a value is left out."""
    joined = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    return f"::{kind}{' ' if joined else ''}{joined}::{_escaped(safe(message))}"


def step_outputs(values: Mapping[str, object]) -> str:
    """Return the lines of a step's output file; a value of several lines stands between lines that are not in it."""
    import hashlib  # loads OpenSSL, which no help needs

    lines = []
    for name, value in values.items():
        text = str(value)
        if "\n" in text or "\r" in text:
            fence = f"end_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
            lines += [f"{name}<<{fence}", text, fence]
        else:
            lines.append(f"{name}={text}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str, more: str = "") -> str:
    for char in f"%\r\n{more}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text
