"""Spec files: trees made from the models with anything in them, and good texts with bytes spoilt."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import strategies as st

from support.fuzz.case import Case
from support.fuzz.odd import changed_somewhere, changes, spoils, spoilt, texts
from support.fuzz.project import FILES, SPECS
from support.spec_strategies import broken
from support.yaml_texts import yaml_texts

COMMANDS = (
    ("validate",),
    ("validate", "--json"),
    ("validate", "--env", "prod", "--format", "github"),
    ("validate", "--format", "sarif"),
    ("validate", "--format", "gitlab"),
    ("validate", "--format", "junit"),
    ("validate", "--untrusted"),
    ("fmt", "--check"),
    ("fmt", "--check", "--json"),
    ("fmt",),
    ("render",),
    ("render", "--origin"),
    ("render", "--env", "prod", "--json"),
    ("plan", "--against", "HEAD"),
    ("plan", "--against", "HEAD", "--format", "markdown"),
    ("plan",),
    ("plan", "--json"),
    ("schema",),
    ("next", "--specs", "-n", "3"),
    ("next", "--specs", "--json"),
    ("forecast",),
    ("forecast", "--json"),
    ("dag", "report"),
    ("new", "schedule", "more", "--pipeline", "report"),
)

NAMES = ("odd.yml", "a b.yaml", "ü.yaml", "x--y.yaml", "sub/nightly.yaml", "-x.yaml")


def cases() -> st.SearchStrategy[Case]:
    """Return projects of which one or two files are odd, and commands that read them."""
    commands = st.lists(st.sampled_from(COMMANDS), min_size=2, max_size=3, unique=True).map(tuple)
    return st.builds(lambda files, commands: Case("specs", commands, files), _files(), commands)


@st.composite
def _files(draw: st.DrawFn) -> dict[str, str]:
    kinds = draw(st.lists(st.sampled_from(sorted(SPECS)), min_size=1, max_size=2, unique=True))
    return {_path(draw, kind): draw(_text(kind)) for kind in kinds}


def _path(draw: st.DrawFn, kind: str) -> str:
    if kind == "project" or draw(st.integers(0, 5)):
        return SPECS[kind]
    return f"{kind}s/{draw(st.sampled_from(NAMES))}"


def _text(kind: str) -> st.SearchStrategy[str]:
    good = st.sampled_from([FILES[SPECS[kind]], FILES["schedules/hourly.yaml"]])
    raw = st.builds(spoilt, good, st.lists(spoils, min_size=1, max_size=4))
    tree = st.builds(_written, st.builds(_changed, _trees(kind), st.lists(changes, max_size=3)), st.booleans())
    return st.one_of(raw, raw, tree, tree, st.builds(spoilt, tree, st.lists(spoils, max_size=2)), _untidy())


def _untidy() -> st.SearchStrategy[str]:
    return yaml_texts().map(lambda pair: pair[0])


def _trees(kind: str) -> st.SearchStrategy[Any]:
    good = yaml.safe_load(FILES[SPECS[kind]])
    named = broken(kind).map(
        lambda value: {**value, "name": good.get("name", "nightly")} if _is_mapping(value) else value
    )
    return st.one_of(st.just(good), named, st.builds(_with_text, st.just(good), st.integers(0, 10_000), texts))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _with_text(tree: Any, number: int, text: str) -> Any:
    return _changed(tree, [(number, "replace", text)])


def _changed(tree: Any, how: list[tuple[int, str, Any]]) -> Any:
    for number, deed, value in how:
        tree = changed_somewhere(tree, number, deed, value)
    return tree


def _written(tree: Any, as_json: bool) -> str:
    """Return a tree as a text: as JSON, which can escape anything, or as people write it."""
    if as_json:
        return json.dumps(tree, indent=1)
    try:
        return str(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    except (yaml.YAMLError, UnicodeError):
        return json.dumps(tree)
