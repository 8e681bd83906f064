"""Placeholders that are filled in when a run starts."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.placeholders import fill

BERLIN = ZoneInfo("Europe/Berlin")
TICK = datetime(2026, 11, 22, 2, 0, tzinfo=BERLIN)
SECRET = 'hunter2-%s/ü"'


def context(**changes: object) -> RunContext:
    values = {
        "tick": TICK,
        "tick_start": datetime(2026, 11, 21, 2, 0, tzinfo=BERLIN),
        "run_id": "acme--prod--nightly--1",
        "schedule": "nightly",
        "pipeline": "daily",
        "commit": "abc123",
        "attempt": 2,
        "secrets": {"TOKEN": SECRET}.__getitem__,
    }
    return RunContext(**{**values, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${tick}", TICK),
        ("${tick.end}", TICK),
        ("${tick.start}", datetime(2026, 11, 21, 2, 0, tzinfo=BERLIN)),
        ("${tick.utc}", datetime(2026, 11, 22, 1, 0, tzinfo=UTC)),
        ("${tick:%Y-%m-%d}", "2026-11-22"),
        ("${tick.utc:%H:%M}", "01:00"),
        ("${tick.start:%d}", "21"),
        ("at ${tick}", "at 2026-11-22T02:00:00+01:00"),
        ("out/${run.schedule}/${tick:%Y}/${run.attempt}.csv", "out/nightly/2026/2.csv"),
        ("${run.attempt}", 2),
        ("${run.id} ${run.pipeline} ${run.commit}", "acme--prod--nightly--1 daily abc123"),
        ("${secret:TOKEN}", SECRET),
        ("Bearer ${secret:TOKEN}", f"Bearer {SECRET}"),
        ("$${tick}", "${tick}"),
        ("$$${tick:%Y}", "$${tick:%Y}"),
        ("a $ b {c} $d", "a $ b {c} $d"),
        ("", ""),
    ],
)
def test_a_text_is_filled(text: str, expected: object) -> None:
    assert fill(text, context(), "inputs.x") == expected


def test_the_tick_keeps_the_zone_of_its_schedule() -> None:
    assert fill("${tick}", context(), "inputs.day").tzinfo is BERLIN
    assert fill("${tick.utc}", context(), "inputs.day").tzinfo is UTC


def test_values_are_filled_at_any_depth_and_keys_are_left_alone() -> None:
    value = {"${tick}": [{"day": "${tick:%d}"}, 1, None, True, 2.5], "s": ("${run.id}",)}

    assert fill(value, context(run_id="r"), "inputs") == {"${tick}": [{"day": "22"}, 1, None, True, 2.5], "s": ["r"]}


def test_a_filled_value_is_not_filled_again() -> None:
    assert fill("${run.schedule}", context(schedule="${secret:TOKEN}"), "x") == "${secret:TOKEN}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [{"b": "${tik}"}]}, "inputs.a[0].b: there is no placeholder ${tik}"),
        ("${run}", "there is no placeholder ${run}"),
        ("${run.id:x}", "there is no placeholder"),
        ("${env:HOME}", "there is no placeholder ${env:HOME}"),
        ("${}", "there is no placeholder"),
        ("x ${tick", "never closed"),
        ("${tick:}", "is not a date format"),
        ("${secret:}", "is not the name of a secret"),
        ("${secret:a b}", "is not the name of a secret"),
        ("${secret:GONE}", "the secret GONE could not be read (KeyError)"),
    ],
)
def test_a_placeholder_that_does_not_exist_is_refused_with_its_path(value: object, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        fill(value, context(), "inputs")

    assert str(caught.value).startswith("inputs")
    assert message in str(caught.value)


def test_a_misspelt_placeholder_gets_a_suggestion() -> None:
    with pytest.raises(PipelineError) as caught:
        fill("${run.comit}", context(), "inputs.x")

    assert caught.value.hint == "did you mean ${run.commit}?"


def test_a_failing_provider_shows_nothing_of_its_message() -> None:
    def provider(name: str) -> str:
        raise RuntimeError(f"vault said {SECRET}")

    with pytest.raises(PipelineError) as caught:
        fill("${secret:TOKEN}", context(secrets=provider), "inputs.x")

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_provider_may_say_what_to_do() -> None:
    def provider(name: str) -> str:
        raise PipelineError(f"no secret {name}", hint="set it")

    with pytest.raises(PipelineError, match=r"inputs\.x: no secret TOKEN") as caught:
        fill("${secret:TOKEN}", context(secrets=provider), "inputs.x")

    assert caught.value.hint == "set it"


def test_secrets_are_not_in_the_repr_of_anything() -> None:
    secrets = Secrets({"TOKEN": SECRET}.__getitem__)
    fill("${secret:TOKEN}", context(secrets=secrets), "x")

    assert SECRET not in repr(secrets) + repr(context(secrets=secrets))


def test_masking_finds_a_secret_in_every_usual_form() -> None:
    from json import dumps
    from urllib.parse import quote

    secrets = Secrets({"TOKEN": SECRET}.__getitem__)
    secrets("TOKEN")

    for form in (SECRET, quote(SECRET, safe=""), dumps(SECRET), repr(SECRET)):
        masked = secrets.mask(f"https://user:{form}@host")
        assert "hunter2" not in masked
        assert "***" in masked


def test_masking_finds_what_libraries_make_of_a_secret() -> None:
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote, quote_plus

    value = 'p@ss/w "ör%d'
    secrets = Secrets({"TOKEN": value}.__getitem__)
    secrets("TOKEN")

    escaped = [quote(value), quote_plus(value), quote(value, safe=" +"), dumps(value, ensure_ascii=False)]
    for form in (*escaped, str(value.encode()), b64encode(value.encode()).decode()):
        assert secrets.mask(f"a {form} b").strip("ab ").strip("\"'") == "***", form


def test_masking_finds_each_line_of_a_secret_of_many() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\nkqhkiG9w0BAQEFAA\n-----END KEY-----"
    secrets = Secrets({"KEY": key}.__getitem__)
    secrets("KEY")

    said = secrets.mask("\n".join(f"> {line}" for line in key.splitlines()))

    assert said.splitlines() == ["> -----BEGIN KEY-----", "> ***", "> ab", "> ***", "> -----END KEY-----"]


def test_masking_does_not_shred_texts_for_a_tiny_secret() -> None:
    secrets = Secrets({"PIN": "1"}.__getitem__)
    secrets("PIN")

    assert secrets.mask("11 of 21") == "11 of 21"
    assert secrets.mask("1") == "***"
