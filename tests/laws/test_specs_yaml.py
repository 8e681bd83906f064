"""Our composer and ruamel.yaml, two readers of YAML 1.2 that share no code, agree; and nothing makes a load raise."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import yaml as pyyaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from flowerpower.specs.loader import load
from flowerpower.specs.text.syntax import ODD_SPACES
from flowerpower.specs.text.yaml import find, parse

# Inside { } libyaml goes by YAML 1.1: `?a` is the key `a`, and `:a` is an error. Both are left out here.
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12).filter(
    lambda text: not text.startswith(("?", ":"))
)
WORDS = st.sampled_from(
    [
        "no",
        "on",
        "yes",
        "12:30:00",
        "010",
        "0o17",
        "0x1f",
        "1e3",
        ".5",
        "-1",
        "~",
        "null",
        "True",
        "2026-01-01",
        "1.",
        "+",
        "<",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | TEXTS
    | WORDS
    | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = TEXTS.filter(lambda key: key != "<<" and key[:1] not in ODD_SPACES)  # the latter are refused without quotes
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)


def ours(text: str) -> Any:
    parsed = parse("x.yaml", text.encode())
    assert {problem.severity for problem in parsed.problems} <= {"warning"}  # a text may be `None`, in good YAML
    return parsed.documents[0].data


def theirs(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@given(value=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), flow=st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_ruamel_writes_is_read_as_it_was(value: Any, flow: bool) -> None:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    stream = StringIO()
    writer.dump(value, stream)

    assume(not flow or ":?" not in stream.getvalue())  # plain there for ruamel, refused by libyaml
    assert ours(stream.getvalue()) == theirs(stream.getvalue()) == value


PLAIN = st.text("0123456789abcdefoxnNtTuUlLrRsSeE+-.~", min_size=1, max_size=8) | WORDS


@given(word=PLAIN)
@example(word="1e3")
@example(word="0o17")
@example(word="-0")
@settings(max_examples=300, deadline=None)
def test_a_plain_word_means_the_same_to_ruamel(word: str) -> None:
    text = f"a: {word}\n"
    parsed = parse("x.yaml", text.encode())
    if parsed.problems or _is_of_yaml_1_1(word):
        return

    assert parsed.documents[0].data == theirs(text)


def _is_of_yaml_1_1(word: str) -> bool:
    """Tell whether ruamel goes by YAML 1.1 where 1.2 core says otherwise: dates, 0b11, and 1e3 as a text."""
    date = word.count("-") == 2 and word.replace("-", "").isdigit()
    return date or "0b" in word or re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", word) is not None


@given(value=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_value_is_found_at_its_place(value: Any) -> None:
    content = pyyaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_style='"').encode()
    data = parse("x.yaml", content).documents[0].data
    lines = content.decode().replace("\r", "\n").split("\n")

    for key in data:
        place, found = find("x.yaml", 0, content, (key,), key=True)
        assert found == 1
        assert lines[place.line - 1][place.column - 1] in '"?!'


@given(content=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_a_load_raise(content: bytes) -> None:
    texts = {"flowerpower.yaml": content, "pipelines/a.yaml": content, "schedules/a.yaml": content}

    assert load(texts, env="default", variables={}).project is None


YAML_LIKE = st.text(st.sampled_from(list("ab:-#?&*!|>'\"%@`{}[], \n\t$~<0.")), max_size=60)


@given(text=YAML_LIKE)
@settings(max_examples=300, deadline=None)
def test_no_text_that_resembles_yaml_makes_a_parse_raise(text: str) -> None:
    parsed = parse("x.yaml", text.encode())

    for document in parsed.documents:
        json.dumps(document.data)
    assert parsed.documents or parsed.problems
