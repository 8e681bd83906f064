"""Compiled models make the same specs of the same values as the models, or leave it to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ValidationError
from support.spec_strategies import broken

from flowerpower.specs.compiled import NeedsModelsError, StandIn, compile_models, compiled_models
from flowerpower.specs.models import MODELS
from flowerpower.specs.parts import RetrySpec

TEXT = compile_models(MODELS) or ""
COMPILED = compiled_models(TEXT) or {}


def values_of(spec: Any) -> Any:
    """Return what a spec or a stand-in says: the name of its model, its values, and which of them were written."""
    if isinstance(spec, BaseModel | StandIn):
        values = {name: values_of(getattr(spec, name)) for name in type(spec).model_fields}
        more = {name: getattr(spec, name) for name in said_by(type(spec))}
        return type(spec).__name__, values, more, spec.model_fields_set
    if isinstance(spec, tuple | list):
        return [type(spec), *(values_of(part) for part in spec)]
    if isinstance(spec, dict):
        return {name: values_of(part) for name, part in spec.items()}
    return type(spec), spec


def said_by(kind: type) -> set[str]:
    """Return what a model says beside its fields."""
    plain = {*dir(BaseModel), *dir(StandIn), "validator", *kind.model_fields}  # type: ignore[attr-defined]
    return {name for name in dir(kind) if not name.startswith("_")} - plain


def made_by(kind: Any, data: dict[str, Any]) -> Any:
    try:
        return values_of(kind.model_validate(data))
    except (ValidationError, NeedsModelsError):
        return "refused"


@pytest.mark.parametrize("kind", MODELS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_what_the_models_make_compiled_ones_make_too(kind: str, data: st.DataObject) -> None:
    spec = data.draw(broken(kind))

    assert made_by(COMPILED[kind], spec) == made_by(MODELS[kind], spec)


def models_in(part: Any) -> Iterator[type[BaseModel]]:
    if isinstance(part, dict):
        if part.get("type") == "model":
            yield part["cls"]
        for inner in part.values():
            yield from models_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from models_in(inner)


def test_a_stand_in_says_all_that_its_model_says() -> None:
    said = {model: said_by(model) for top in MODELS.values() for model in models_in(top.__pydantic_core_schema__)}

    assert said.pop(MODELS["schedule"]) == {"trigger", "effective_overlap"} == said_by(COMPILED["schedule"])
    assert {model.__name__: more for model, more in said.items() if more} == {}


class Plain(MODELS["schedule"]):  # type: ignore[misc,name-defined]
    retries: int = 0


class WithHook(Plain):
    def model_post_init(self, context: Any) -> None:
        """Do what no schema says."""


class WithFunction(Plain):
    extra: Annotated[int, BeforeValidator(abs)] = 0


class WithDefault(Plain):
    extra: RetrySpec = RetrySpec(max=3)


class WithObject(Plain):
    extra: object = object()


@pytest.mark.parametrize("odd", [WithHook, WithFunction, WithDefault, WithObject])
def test_a_model_with_something_that_cannot_be_kept_is_not_compiled(odd: type[BaseModel]) -> None:
    assert compile_models({"odd": Plain}) is not None
    assert compile_models({"odd": odd}) is None


@pytest.mark.parametrize("text", ["", "[]", "{}x", '{"schedule": 1}', TEXT[:-9], TEXT.replace("check_moment", "exec")])
def test_a_text_that_holds_no_compiled_models_is_left_alone(text: str) -> None:
    assert compiled_models(text) is None
