"""A large document is put together in pieces, and reads as if it were not."""

from __future__ import annotations

import json

import pytest

from flowerpower.cli.session import Session, as_json
from flowerpower.errors import StoreError
from flowerpower.settings import read_settings


@pytest.mark.parametrize("value", [{}, [], "", "ü\u2028", None, {"a": [1, {"b": 1.5}], "c": []}, list(range(12_000))])
def test_a_document_is_what_json_makes_of_it(value: object) -> None:
    assert as_json(value, "utf-8") == json.dumps(value, indent=2, ensure_ascii=False)


def test_what_a_stream_cannot_say_is_escaped() -> None:
    assert as_json({"a": "ü"}, "ascii") == '{\n  "a": "\\u00fc"\n}'
    assert as_json("\ud800", "utf-8") == '"\\ud800"'


def test_a_trace_leaves_the_hint_to_the_words_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise StoreError("Redis is away")
    except StoreError as error:
        Session(read_settings(), debug=True).fail(error)

    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Traceback")
    assert [text for text in said if text.startswith("hint: ")] == [f"hint: {StoreError.hint}"]
