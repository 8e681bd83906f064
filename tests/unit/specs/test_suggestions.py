"""A hint must lead somewhere: what it suggests is understood, and means what was written."""

from __future__ import annotations

import re
from typing import get_args

import pytest
import yaml

from flowerpower.schedule.trigger import parse_trigger
from flowerpower.specs import fields, synonyms
from flowerpower.specs.loader import load
from flowerpower.specs.messages import fields_at
from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.suggestions import (
    cron_hint,
    duration_hint,
    meant_cron,
    meant_duration,
    meant_moment,
    why_no_moment,
)
from flowerpower.specs.values import parse_duration, parse_moment

KEYS = {
    *(key for model in (ProjectSpec, PipelineSpec, ScheduleSpec) for key in model.model_fields),
    *(key for path in (("retry",), ("executor",), ("save", 0), ("load", "x")) for key in fields_at(PipelineSpec, path)),
    *(
        key
        for path in (("redis",), ("guards",), ("policies",), ("policies", "enforce"))
        for key in fields_at(ProjectSpec, path)
    ),
}
CHOICES = {
    choice
    for kind in (
        fields.Activity,
        fields.CodeSource,
        fields.ExecutorType,
        fields.Overlap,
        fields.Catchup,
        fields.OnInflight,
    )
    for choice in get_args(get_args(kind)[0])
}


def test_every_word_of_another_tool_leads_to_a_key_or_a_choice_that_exists() -> None:
    assert synonyms._CALLED.keys() <= KEYS
    assert synonyms._KINDS.keys() <= KEYS
    assert synonyms._VALUES.keys() <= CHOICES


@pytest.mark.parametrize("key", sorted(KEYS))
def test_no_key_is_called_a_synonym_of_itself(key: str) -> None:
    assert key not in synonyms._CALLED.get(key, "").split()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("5 minutes", 300),
        ("1h 30m", 5400),
        ("PT1H30M", 5400),
        ("P1DT12H", 129600),
        ("P2W", 1209600),
        ("1.5h", 5400),
        ("1 day and 2 hours", 93600),
        ("00:05", 300),
        ("01:30:15", 5415),
        (" 5M ", 300),
        ("weekly", 604800),
        ("1h30", 5400),
        ("5m30", 330),
        ("1d12", 129600),
        ("every 5 minutes", 300),
        ("rate(2 hours)", 7200),
        ("1_000", 1000),
        (1e3, 1000),
    ],
)
def test_a_suggested_duration_is_the_one_that_was_meant(written: object, seconds: int) -> None:
    assert parse_duration(meant_duration(written)) == seconds


@pytest.mark.parametrize(
    "written", ["", "soon", "5x", "5", "0 minutes", "9999 weeks", "PT", "P", "-5m", "0.5s", "30s5", "1h30x", 1.5, None]
)
def test_where_nothing_can_be_meant_no_duration_is_suggested(written: object) -> None:
    assert meant_duration(written) == ""


@pytest.mark.parametrize(
    "written", ["*/5 * * * *", "0 5 * * MON-FRI", "0 0 5 * * *", "0 5 L * *", "0 5 * * 5#3", "@daily", " 0 5 ? * * "]
)
def test_an_interval_that_is_a_cron_expression_leads_to_that(written: str) -> None:
    assert duration_hint("every", written, "") == f'write `cron: "{written.strip()}"` in its place'
    assert parse_trigger(cron=written.strip())


@pytest.mark.parametrize("written", ["5 minutes", "a b c d e", "5", "0 5 * * * /bin/x", "@daily at 5", 5])
def test_what_is_no_cron_expression_is_not_called_one(written: object) -> None:
    assert meant_cron(written) == ""


@pytest.mark.parametrize(
    ("written", "trigger"),
    [
        ("5m", {"every": 300}),
        ("every 5 minutes", {"every": 300}),
        ("05:30", {"cron": "30 5 * * *"}),
        ("daily", {"cron": "@daily"}),
        ("0 5 * * * /usr/bin/run.sh --all", {"cron": "0 5 * * *"}),
        ("cron(0 12 * * ? *)", {"cron": "0 12 * * ?"}),
        ("2027-01-01T05:00", {"at": "2027-01-01T05:00"}),
    ],
)
def test_another_trigger_in_the_place_of_a_cron_expression_leads_to_that(
    written: str, trigger: dict[str, object]
) -> None:
    told = re.search("`(.+?)`", cron_hint(written))

    assert told
    assert yaml.load(told[1], yaml.BaseLoader) == {
        key: "5m" if value == 300 else value for key, value in trigger.items()
    }
    assert parse_trigger(**trigger)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["0 5 * * * # every night", "soon", "61 * * * *", "0 5 * *", "2027-13-01"])
def test_where_no_other_trigger_is_meant_none_is_suggested(written: str) -> None:
    assert cron_hint(written) == ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026/1/5", "2026-01-05"),
        ("5.1.2026", "2026-01-05"),
        ("31/01/2026", "2026-01-31"),
        ("01/31/2026", "2026-01-31"),
        (1767571200, "2026-01-05T00:00:00Z"),
        (20260105, "2026-01-05"),
        ("20260105", "2026-01-05"),
        ("2026-01-05T6:00", "2026-01-05T06:00"),
        ("2026-01-05 6:00:30", "2026-01-05T06:00:30"),
        ("2026-01-05T06", "2026-01-05T06:00"),
        ("2026-01-05T06:00z", "2026-01-05T06:00Z"),
    ],
)
def test_a_suggested_date_is_a_date(written: object, meant: str) -> None:
    assert meant in meant_moment(written)
    assert parse_moment(meant)


@pytest.mark.parametrize(
    "written",
    ["01/02/2026", "31.02.2026", "2026/13/01", "2026-01-05T7:61", "tomorrow", 2026, 20261301, 10**12, -1, True],
)
def test_where_a_date_is_not_certain_none_is_suggested(written: object) -> None:
    assert meant_moment(written) == ""


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2026-02-29", "February 2026 has 28 days"),
        ("2028-02-30", "February 2028 has 29 days"),
        ("2100-02-29", "February 2100 has 28 days"),
        ("2026-04-31T06:00", "April 2026 has 30 days"),
        ("2026-00-01", "there is no month 0"),
        ("2026-01-00", "there is no day 0"),
        ("0000-01-01", "there is no year 0"),
        ("2026-01-01T24:00", "midnight is 00:00 of the next day"),
        ("2026-01-01 10:00:60", "there is no second 60"),
        ("2026-01-01", ""),
        ("soon", ""),
    ],
)
def test_an_impossible_date_is_explained(written: str, why: str) -> None:
    assert why_no_moment(written) == why


@pytest.mark.parametrize(
    ("written", "meant"),
    [("größe", "grosse"), ("Ventes Été", "ventes_ete"), ("my pipe", "my_pipe"), ("毎日", ""), ("9lives", "")],
)
def test_a_name_in_other_letters_leads_to_the_nearest_that_may_be_one(written: str, meant: str) -> None:
    texts = {"flowerpower.yaml": b"name: acme\n", f"pipelines/{written}.yaml": b"modules: [flow]\noutputs: [x]\n"}

    (problem,) = [one for one in load(texts, env="default", variables={}).problems if one.code == "FP105"]

    assert problem.hint.startswith(f"write `name: {meant}` into it" if meant else "Lower-case letters")


@pytest.mark.parametrize(
    ("environments", "told"),
    [("", "there is only default"), ("environments: {prod: {}, staging: {}}\n", "there are default, prod, staging")],
)
def test_an_environment_that_is_not_there_leads_to_those_that_are(environments: str, told: str) -> None:
    texts = {"flowerpower.yaml": f"name: acme\n{environments}".encode()}

    (problem,) = [one for one in load(texts, env="qa7", variables={}).problems if one.code == "FP201"]

    assert problem.hint == f"{told}; add it under `environments:`"
