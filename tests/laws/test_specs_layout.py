"""What formatting may never do: change a value, lose or move a comment, or have something left to do."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.yaml_texts import yaml_texts

from flowerpower.specs.layout.format import format_spec
from flowerpower.specs.text.yaml import parse

INDICATOR = re.compile(r"(?<=[|>])[1-9]")  # of how deep a block scalar is: the one mark that may change
BYTE_ORDER_MARK = "\ufeff"


def values(content: bytes) -> list[Any]:
    parsed = parse("x.yaml", content)
    assume(all(problem.severity != "error" for problem in parsed.problems))
    return [document.data for document in parsed.documents]


def without_space(text: str) -> str:
    return INDICATOR.sub("", "".join(text.split()))


@given(written=yaml_texts(), mark=st.sampled_from(["", "", BYTE_ORDER_MARK]))
@settings(max_examples=300, deadline=None)
def test_formatting_moves_nothing_but_space_and_keeps_every_value(written: tuple[str, list[str]], mark: str) -> None:
    text, comments = written
    before = values((mark + text).encode())

    formatted = format_spec("x.yaml", (mark + text).encode())

    after = formatted.content.decode()
    assert formatted.problems == ()
    assert json.dumps(values(formatted.content)) == json.dumps(before)  # as JSON: 1, 1.0 and True are not the same
    assert without_space(after) == without_space(text)
    held = [comment for comment in comments if comment in text]
    assert [comment for comment in held if f"{comment}\n" not in after.replace("\r\n", "\n")] == []
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in text else 0)


@given(written=yaml_texts())
@settings(max_examples=150, deadline=None)
def test_what_is_formatted_stays_as_it_is(written: tuple[str, list[str]]) -> None:
    values(written[0].encode())

    once = format_spec("x.yaml", written[0].encode()).content

    assert format_spec("x.yaml", once).content == once
