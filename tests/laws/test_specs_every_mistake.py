"""Every mistake is found in one run: what is said of several mistakes is what is said of each alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from flowerpower.specs.loader import load

FILES = {
    "flowerpower.yaml": {"name": "acme", "timezone": "Europe/Berlin", "queues": "{default: {}}", "policies": "{}"},
    "pipelines/sales.yaml": {"modules": "[sales]", "outputs": "[report]", "timeout": "30m", "inputs": "{a: 1}"},
    "schedules/nightly.yaml": {
        "pipeline": "sales",
        "cron": '"0 2 * * *"',
        "queue": "default",
        "start": "2026-01-01",
        "paused": "false",
        "inputs": "{b: 2}",
    },
}
MISTAKES = [  # each in a place of its own: file, key, what is written there
    ("flowerpower.yaml", "name", "Acme Data"),
    ("flowerpower.yaml", "timezone", "Europe/Berln"),
    ("flowerpower.yaml", "guards", "{max_deletes: lots}"),
    ("flowerpower.yaml", "quues", "{}"),
    ("pipelines/sales.yaml", "modules", "sales"),
    ("pipelines/sales.yaml", "timeout", "soon"),
    ("pipelines/sales.yaml", "inputs", "{a: '${var:NOT_SET}'}"),
    ("pipelines/sales.yaml", "executor", "{type: local, max_workers: 2}"),
    ("pipelines/sales.yaml", "retry", "{max: many}"),
    ("schedules/nightly.yaml", "pipeline", "slaes"),
    ("schedules/nightly.yaml", "cron", '"61 2 * * *"'),
    ("schedules/nightly.yaml", "queue", "hevy"),
    ("schedules/nightly.yaml", "start", "2026-02-30"),
    ("schedules/nightly.yaml", "end", "soon"),
    ("schedules/nightly.yaml", "paused", "no"),
    ("schedules/nightly.yaml", "inputs", "{b: '${tick:x}'}"),
    ("schedules/nightly.yaml", "labels", "{a: !tag x}"),
    ("schedules/nightly.yaml", "owner", "[me, me, {a: 1, a: 2}]"),
    ("schedules/nightly.yaml", "environments", "{prod: {}}"),
    ("schedules/nightly.yaml", "catchup", "sometimes"),
    ("pipelines/sales.yaml", "resul_ttl", "soon"),  # a misspelt key, and what it holds
    ("schedules/nightly.yaml", "buffer_limt", "many"),
    ("schedules/other.yaml", "pipeline", "sales"),  # without a trigger
]

DIGITS = "0123456789"  # a message that ends in the number of another line
Mistake = tuple[str, str, str]


def problems_with(mistakes: list[Mistake]) -> set[tuple[str, str, str]]:
    written = {file: dict(values) for file, values in FILES.items()}
    for file, key, value in mistakes:
        written.setdefault(file, {})[key] = value
    texts = {
        file: "".join(f"{key}: {value}\n" for key, value in values.items()).encode() for file, values in written.items()
    }
    problems = load(texts, env="default", variables={}).problems
    return {(problem.code, problem.place.file, problem.what.rstrip(DIGITS)) for problem in problems}


def test_the_specs_without_mistakes_are_right_and_each_mistake_is_one() -> None:
    assert problems_with([]) == set()
    assert [mistake for mistake in MISTAKES if not problems_with([mistake])] == []


@given(mistakes=st.lists(st.sampled_from(MISTAKES), min_size=2, max_size=8, unique=True))
@settings(max_examples=150, deadline=None)
def test_several_mistakes_are_told_as_each_alone_is(mistakes: list[Mistake]) -> None:
    alone = set[tuple[str, str, str]]().union(*(problems_with([mistake]) for mistake in mistakes))

    assert problems_with(mistakes) == alone
