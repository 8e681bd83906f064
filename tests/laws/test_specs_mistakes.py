"""Whatever breaks the YAML of a spec is told in our words, at a place in the file, and once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flowerpower.errors import Problem
from flowerpower.specs.loader import load
from flowerpower.specs.text import composer
from flowerpower.specs.text.mistakes.structure import first_mistake
from flowerpower.specs.text.yaml import parse

WORDS_OF_PARSERS = re.compile(  # of libyaml and of PyYAML
    r"did not find|could not find|not allowed in this context|not allowed here|cannot start any token|"
    r"found (?:a|an|character|duplicate|extremely|incompatible|invalid|undefined|unexpected|unknown)\b|"
    r"while (?:parsing|scanning)|exceeded maximum|hexdecimal|hexadecimal|document indicator|indicator equal|"
    r"(?:block|flow) (?:collection|mapping|node|sequence|end)|node content|simple key|plain scalar|quoted scalar|"
    r"tag (?:handle|URI)|directive name|version number|end of stream|<document start>|<block end>|but found|"
    r"URI escaped octet|expected (?:the node|whitespace|key|',')"
)
PROJECT = {"flowerpower.yaml": b"name: acme\n", "pipelines/sales.yaml": b"modules: [sales]\noutputs: [report]\n"}
NIGHTLY = """\
# Sales, every night
pipeline: sales
cron: "0 2 * * *"   # at two
timezone: 'Europe/Berlin'
paused: false
description: |
  All of it,
    in several lines.

  # no comment
retry: {max: 3, intervals: [10s, 1m]}
labels:
  team: "a: b"
  tier: gold
inputs:
  region: [eu, us]
  low: -1
  deep:
    deeper: {a: [1, {b: 'c'}]}
    list:
      - one
      - "two"
      - key: three
        more: 'four'
owner: team
"""
HOURLY = """\
name: hourly
pipeline: sales
cron: '0 * * * *'
inputs:
  regions: [
    eu,
    'us',
  ]
  table: {
    a: 1,
    b: "x"
  }
  text: some words
    and more of them
  items:
  - a
  - b: 1
    c: 2
labels: {team: data, tier: "gold"}
"""
BOTH = NIGHTLY + "---\nname: other\n" + NIGHTLY.partition("\n")[2]
SPECS = (NIGHTLY, HOURLY, BOTH, '{"pipeline": "sales", "cron": "@daily", "retry": {"max": 2}}\n')
MARKS = "[]{}\"':-,#&*!|>@%`? \t\n\\"


def problems_of(text: str) -> Sequence[Problem]:
    return load({**PROJECT, "schedules/a.yaml": text.encode()}, env="default", variables={}).problems


def mistakes_of(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.code == "FP010"]


def check(text: str, problems: Sequence[Problem]) -> None:
    """Check that a text is either YAML for every reader, or that what is told of it is ours and in the file."""
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    for problem in problems:
        assert not WORDS_OF_PARSERS.search(f"{problem.what} {problem.hint}".replace(", found ", ", ")), problem
        assert 1 <= problem.place.line <= len(lines), problem
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1, problem
    if not any(problem.severity == "error" for problem in problems):
        list(yaml.parse(text, Loader=composer._PARSER))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Return a good spec in which one mark is too much, or one character is missing."""
    text = draw(st.sampled_from(SPECS))
    at = draw(st.integers(0, len(text) - 1))
    mark = draw(st.sampled_from(MARKS) | st.none())
    return text[:at] + (text[at + 1 :] if mark is None else mark + text[at:])


def test_the_specs_are_good_before_they_are_broken() -> None:
    assert [mistakes_of(problems_of(text)) for text in SPECS] == [[], [], [], []]


@given(text=broken())
@settings(max_examples=200, deadline=None)
@example(text=NIGHTLY.replace("]}", "]", 1))
@example(text=HOURLY.replace("'us'", "'us"))
@example(text=NIGHTLY.replace("cron", "\tcron"))
@example(text=NIGHTLY.replace("cron: ", "cron: : "))
@example(text=NIGHTLY.replace("owner: ", "owner:\n: "))
@example(text=NIGHTLY.replace("- one", "-\xa0"))
def test_one_character_that_breaks_a_spec_is_told_in_our_words(text: str) -> None:
    check(text, problems_of(text))


@given(text=broken(), more=st.lists(st.tuples(st.integers(0, 600), st.sampled_from(MARKS)), max_size=5))
@settings(max_examples=200, deadline=None)
def test_many_characters_that_break_a_spec_are_told_in_our_words(text: str, more: list[tuple[int, str]]) -> None:
    for at, mark in more:
        text = text[:at] + mark + text[at:]

    check(text, problems_of(text))


PIECES = st.sampled_from(
    [*"ab:-#?&*!|>'\"%@`{}[], \n\t$~<0.=/;\r\ufeff\xa0\u200b\x07", "---", "...", "a: ", "- ", "\n  "]
)


@given(text=st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_text_that_resembles_yaml_is_told_in_our_words(text: str) -> None:
    check(text, parse("schedules/a.yaml", text.encode()).problems)


@given(text=st.sampled_from(SPECS), data=st.data())
@settings(max_examples=150, deadline=None)
def test_one_missing_character_is_one_mistake_of_syntax(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    assume(text[at] != "\n" and not re.match(r"- \w: ", text[at - 2 : at + 3]))  # two lines, or a key without a name

    problems = problems_of(text[:at] + text[at + 1 :])

    assert len(mistakes_of(problems)) <= 1, problems


@pytest.mark.parametrize("text", SPECS)
def test_what_is_not_closed_is_told_where_it_opens(text: str) -> None:
    pairs = [found.span() for found in re.finditer(r"'[^'\n]*'|\"[^\"\n]*\"|[\[{][^\[\]{}]*[\]}]", text)]
    for start, end in pairs:
        if text[end - 1] in "]}" and text[end] == text[end - 1]:
            continue  # nobody can tell which of the two is missing
        inside = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)

        found = mistakes_of(problems_of(text[: end - 1] + text[end:]))

        places = [(problem.place.line, problem.place.column) for problem in found]
        assert places == [inside], (text[start:end], found)


WORDS = st.text("ab 1:-#&*!|>'\"%@`{}[],.é\n\\", max_size=12)
KEYS = st.text("ab 1:-#&*!|>'\"%@`{}[],.é\\", max_size=12)
PLAIN, QUOTED = WORDS | st.integers() | st.none(), WORDS  # PyYAML gives a quoted number a tag


def mappings(scalars: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=12,
    )
    return st.dictionaries(KEYS, values, min_size=1, max_size=4)


@given(
    styled=st.tuples(st.just(None), mappings(PLAIN)) | st.tuples(st.sampled_from(["'", '"', "|"]), mappings(QUOTED)),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_nothing_is_wrong_with_good_yaml_that_stands_before_a_mistake(
    styled: tuple[str | None, object], data: st.DataObject
) -> None:
    style, value = styled
    text = yaml.safe_dump(
        value,
        default_flow_style=data.draw(st.sampled_from([None, True, False])),
        default_style=style,
        width=data.draw(st.sampled_from([20, 80])),
        indent=data.draw(st.sampled_from([2, 4])),
        allow_unicode=True,
    )
    assume("? " not in text and "!!" not in text)  # which no spec has, and these are told of

    assert first_mistake(text, 0, len(text)) is None, text


@pytest.mark.parametrize("text", ["a:\n- []\n- --\n", "a:\n  --\nb: 1\n", "a:\n- ---\n", "a: [x, // y]\nb: 1\n"])
def test_marks_that_are_a_value_are_no_mistake(text: str) -> None:
    assert first_mistake(text, 0, len(text)) is None


@given(text=broken())
@settings(max_examples=60, deadline=None)
def test_without_libyaml_the_same_is_told(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composer, "_PARSER", yaml.BaseLoader)
        check(text, problems_of(text))
