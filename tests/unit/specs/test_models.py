from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.values import parse_duration

SCHEDULE: dict[str, Any] = {"name": "nightly", "pipeline": "sales", "cron": "0 2 * * *"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2h", 7200), ("1d12h", 129600), ("0s", 0), (90, 90), ("90", 90), ("1d1h1m1s", 90061)],
)
def test_a_duration_is_read_as_whole_seconds(text: str | int, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "1.5h", "1h 30m", "12h1d", "-1s", "1w", "１s", True, None, 1.0, -1, "9999d", []]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration|between"):
        parse_duration(text)


def test_catching_up_on_all_ticks_buffers_them_unless_told_otherwise() -> None:
    assert ScheduleSpec.model_validate(SCHEDULE).effective_overlap == "skip"
    assert ScheduleSpec.model_validate({**SCHEDULE, "catchup": "all"}).effective_overlap == "buffer_all"
    assert ScheduleSpec.model_validate({**SCHEDULE, "catchup": "all", "overlap": "skip"}).effective_overlap == "skip"


@pytest.mark.parametrize("field", ["timeout", "overlap", "retry", "owner", "end", "queue", "labels"])
def test_a_null_is_not_a_value(field: str) -> None:
    with pytest.raises(ValidationError):
        ScheduleSpec.model_validate({**SCHEDULE, field: None})


@pytest.mark.parametrize(("field", "value"), [("paused", "true"), ("paused", 1), ("buffer_limit", "5"), ("queue", 5)])
def test_values_are_not_converted(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        ScheduleSpec.model_validate({**SCHEDULE, field: value})


def test_a_spec_cannot_be_changed() -> None:
    spec = ScheduleSpec.model_validate(SCHEDULE)

    with pytest.raises(ValidationError, match="frozen"):
        spec.queue = "other"  # type: ignore[misc]


def test_the_text_of_redis_is_not_in_the_representation() -> None:
    spec = ProjectSpec.model_validate({"name": "acme", "redis": "redis://:hunter2@host"})

    assert "hunter2" not in repr(spec)


@pytest.mark.parametrize("model", [ProjectSpec, PipelineSpec, ScheduleSpec])
def test_every_field_tells_an_editor_what_it_is(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.title, name
        assert field.description, name
        assert field.examples, name
