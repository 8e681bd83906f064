"""Laws of placeholders: what is escaped comes back as it was, and nothing is filled twice."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.errors import PipelineError
from flowerpower.pipelines.context import RunContext
from flowerpower.pipelines.placeholders import fill

TICK = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.text() | st.text(alphabet="${}:tick.secrun ")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def context(schedule: str = "s", secret: str = "hunter2") -> RunContext:
    return RunContext(TICK, TICK, "r", schedule, "p", secrets=lambda name: secret)


def escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: escaped(inner) for key, inner in value.items()}
    return [escaped(inner) for inner in value] if isinstance(value, list) else value


@settings(max_examples=200, deadline=None)
@given(value=values)
def test_what_is_escaped_comes_back_as_it_was(value: Any) -> None:
    assert fill(escaped(value), context(), "x") == value


@settings(max_examples=200, deadline=None)
@given(before=texts, inner=texts, after=texts)
def test_what_is_filled_in_is_taken_as_it_is(before: str, inner: str, after: str) -> None:
    text = f"{escaped(before)}|${{run.schedule}}|${{secret:X}}|{escaped(after)}"

    assert fill(text, context(inner, inner), "x") == f"{before}|{inner}|{inner}|{after}"


def refusal_of(text: str) -> str:
    try:
        fill(text, context(), "inputs.x")
    except PipelineError as error:
        return str(error)
    return ""


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_any_text_is_filled_or_refused_with_its_path(text: str) -> None:
    message = refusal_of(text)

    assert not message or message.startswith("inputs.x: ")
    assert "hunter2" not in message
