"""What an observer of a run learns, and how a run's inputs are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from flowerpower.pipelines.context import RunContext, Secrets
from flowerpower.pipelines.failures import UserCodeError
from flowerpower.pipelines.results import shown_values

from .conftest import Project

TICK = datetime(2026, 11, 22, 2, tzinfo=UTC)


@dataclass
class Heard:
    said: list[object] = field(default_factory=list)

    def nodes_expected(self, count: int) -> None:
        self.said.append(count)

    def node_started(self, node: str) -> None:
        self.said.append(node)

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        self.said.append((node, succeeded))


def test_an_observer_learns_how_many_nodes_there_are_and_how_each_ended(project: Project) -> None:
    project.module("flow", "def a(x: int) -> int:\n    return x\n\n\ndef b(a: int) -> int:\n    return 1 // a\n")
    heard, failing, given = Heard(), Heard(), Heard()

    project.run("b", observer=heard, inputs={"x": 1})
    with pytest.raises(UserCodeError):
        project.run("b", observer=failing, inputs={"x": 0})
    project.run("b", observer=given, overrides={"a": 1})

    assert heard.said == [2, "a", ("a", True), "b", ("b", True)]
    assert failing.said == [2, "a", ("a", True), "b", ("b", False)]
    assert given.said[0] == 1


def test_inputs_are_shown_filled_in_masked_and_bounded() -> None:
    secrets = Secrets(lambda name: "hunter2-hunter2")
    context = RunContext(TICK, TICK, "r", "s", "p", secrets=secrets)
    written = {"day": "${tick:%Y-%m-%d}", "url": "https://${secret:TOKEN}@host", "odd": "${nothing}", "n": [1, 2]}

    shown = shown_values(written, context, secrets.mask, 4096)
    cut = shown_values({"a": "x" * 100, "b": "y" * 100, "c": 1}, context, secrets.mask, 150)

    assert shown == {"day": "2026-11-22", "url": "https://***@host", "n": [1, 2]}
    assert cut == {"a": "x" * 100, "...": "2 left out"}
