"""What the specs ask of Redis."""

import pytest

from flowerpower.specs.loader import load
from flowerpower.state.desired import desired_state, occurrence_at
from flowerpower.state.keys import Keys

PROJECT = b"name: acme\nenvironments: {prod: {}}\ndefaults:\n  schedule: {retry: {max: 3, intervals: [10s]}}\n"
PIPELINE = b"modules: [flow]\noutputs: [x]\nretry: {max: 2}\n"


@pytest.mark.parametrize(
    ("written", "retries"),
    [("", 3), ("retry: {max: 1}\n", 1), ("retry: {max: 0}\n", 0), ("retry: null\n", 2)],
    ids=["the default", "its own", "none", "that of its pipeline"],
)
@pytest.mark.parametrize("where", ["everywhere", "in one environment"])
def test_a_schedule_can_do_without_the_retries_of_others(written: str, retries: int, where: str) -> None:
    layered = f"environments: {{prod: {{{written.strip()}}}}}\n" if where == "in one environment" else written
    texts = {
        "flowerpower.yaml": PROJECT,
        "pipelines/report.yaml": PIPELINE,
        "schedules/nightly.yaml": f"pipeline: report\nevery: 1h\n{layered}".encode(),
    }
    project = load(texts, env="prod", variables={}).project
    assert project is not None

    wanted = desired_state(project, {"report": "0" * 64}).state.schedules["nightly"]
    assert occurrence_at(Keys("acme", "prod"), wanted, 0).retries == retries
