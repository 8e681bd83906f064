"""The Hamilton tracker with the real server of the Hamilton UI: `make heavy` installs both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from support.hamilton_ui import USER, HamiltonUi, hamilton_ui

from flowerpower.errors import PipelineError
from flowerpower.pipelines.adapters.named import tell_of_end
from flowerpower.pipelines.adapters.setting import Ending, Setting
from flowerpower.pipelines.context import RunContext, Secrets

from .conftest import TICK, Project

PROGRAM = os.environ.get("FLOWERPOWER_TEST_HAMILTON_UI", "")
FLOW = """
    from collections import namedtuple

    import pandas as pd

    Login = namedtuple("Login", "user token")

    def login(token: str) -> tuple:
        return Login("shop", token)

    def orders(rows: int, token: str) -> pd.DataFrame:
        return pd.DataFrame({"price": [1.5] * rows, token: "eur"})

    def total(orders: pd.DataFrame, login: tuple) -> float:
        if len(orders) > 5:
            raise ValueError(f"not with {login.token}")
        return float(orders["price"].sum())
"""
# As in a worker, whose processes end without a farewell.
SCRIPT = """
    import os, sys, traceback
    from pathlib import Path
    sys.path[:0] = {path!r}
    from flowerpower.pipelines.secrets import secrets_of
    from unit.pipelines.conftest import Project
    try:
        Project(Path({root!r})).run(
            "total",
            inputs={{"rows": {rows}, "token": "${{secret:PW}}"}},
            config={{"flavour": "${{secret:PW}}"}},
            adapters=["tracker"],
            secrets=secrets_of(os.environ),
            attempt={attempt},
        )
    except Exception:
        traceback.print_exc()
    os._exit(0)
"""

sdk = pytest.mark.skipif(not find_spec("hamilton_sdk"), reason="apache-hamilton-sdk is not installed: make heavy")
real = pytest.mark.skipif(not PROGRAM, reason="the Hamilton UI is not installed: make heavy")


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HamiltonUi]:
    with hamilton_ui(PROGRAM, tmp_path_factory.mktemp("ui")) as running:
        yield running


def run(project: Project, ui: HamiltonUi, rows: int, before: str = "", attempt: int = 1) -> str:
    """Run the flow in a process of its own that ends at once, and return what it said."""
    tests = Path(__file__).parents[2]
    script = dedent(SCRIPT).format(
        path=[str(tests.parent), str(tests)], root=str(project.root), rows=rows, attempt=attempt
    )
    settings = {
        "HAMILTON_API_URL": ui.url,
        "HAMILTON_PROJECT_ID": str(ui.project),
        "HAMILTON_USERNAME": USER,
        "HAMILTON_API_KEY": "marker-of-the-key",
        "PW": "marker-of-the-secret",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{script}"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return done.stdout + done.stderr


@sdk
def test_the_tracker_says_what_it_needs(project: Project) -> None:
    with pytest.raises(PipelineError, match="needs HAMILTON_PROJECT_ID and HAMILTON_USERNAME"):
        project.module("flow", FLOW).run("total", inputs={"rows": 1, "token": "t"}, adapters=["tracker"])


@sdk
def test_an_address_without_a_protocol_is_refused(project: Project) -> None:
    settings = {"HAMILTON_API_URL": "hamilton:8241", "HAMILTON_PROJECT_ID": "1", "HAMILTON_USERNAME": USER}

    with pytest.raises(PipelineError, match="HAMILTON_API_URL is no address of a server"):
        project.module("flow", FLOW).run("total", adapters=["tracker"], secrets=settings.__getitem__)


@sdk
@real
def test_the_hamilton_ui_shows_each_run_with_its_nodes_and_without_secrets(project: Project, ui: HamiltonUi) -> None:
    project.module("flow", FLOW)

    said = run(project, ui, rows=2)
    said += run(project, ui, rows=3, before="import pandas.plotting, xml.etree.ElementTree")
    said += run(project, ui, rows=9)

    runs = ui.runs()[-3:]
    assert [found["run_status"] for found in runs] == ["SUCCESS", "SUCCESS", "FAILURE"]
    assert len({found["dag_template_id"] for found in runs}) == 1
    for found in runs:
        assert {node["node_name"] for node in found["node_runs"]} == {"login", "orders", "total"}
        assert found["inputs"]["token"] == "***"
        assert found["tags"] == {
            "schedule": "nightly",
            "run": "run-1",
            "commit": "abc",
            "tick": "2026-11-22T02:00:00+00:00",
            "attempt": "1",
        }
    total = {node["node_name"]: node for node in runs[0]["node_runs"]}["total"]
    assert (total["status"], total["attributes"][0]["value"]["value"]) == ("SUCCESS", 3.0)
    failed = {node["node_name"]: node for node in runs[2]["node_runs"]}["total"]
    assert failed["status"] == "FAILURE"
    assert "ValueError: not with ***" in failed["attributes"][0]["value"]["stack_trace"][-1]
    assert any("flow.py" in line for line in failed["attributes"][0]["value"]["stack_trace"])
    assert ui.holds(b"nightly")
    assert not ui.holds(b"marker-of-the-secret")
    assert not ui.holds(b"marker-of-the-key")
    assert "adapter" not in said


@sdk
@real
def test_an_attempt_that_was_killed_is_ended_by_the_next(project: Project, ui: HamiltonUi) -> None:
    run(project.module("flow", FLOW), ui, rows=2)
    known = ui.runs()[-1]["dag_template_id"]
    killed = {
        "run_start_time": "2026-11-22T02:00:00Z",
        "tags": {"run": "run-1"},
        "inputs": {},
        "outputs": [],
        "run_status": "RUNNING",
    }
    ui.ask(f"/dag_runs?dag_template_id={known}", killed)

    run(project, ui, rows=2, attempt=2)

    assert [(found["run_status"], found["tags"].get("attempt")) for found in ui.runs()[-2:]] == [
        ("FAILURE", None),
        ("SUCCESS", "2"),
    ]


@sdk
@real
def test_a_run_whose_process_was_killed_is_ended_by_its_worker(project: Project, ui: HamiltonUi) -> None:
    run(project.module("flow", FLOW), ui, rows=2)
    known = ui.runs()[-1]["dag_template_id"]
    killed = {"run_start_time": "2026-11-22T02:00:00Z", "inputs": {}, "outputs": [], "run_status": "RUNNING"}
    for name in ("run-7", "run-8"):
        ui.ask(f"/dag_runs?dag_template_id={known}", killed | {"tags": {"run": name}})
    settings = {
        "HAMILTON_API_URL": ui.url,
        "HAMILTON_PROJECT_ID": str(ui.project),
        "HAMILTON_USERNAME": USER,
    }
    setting = Setting(RunContext(TICK, TICK, "run-7", "nightly", "p"), Secrets(settings.__getitem__))

    with setting.closing:
        tell_of_end("tracker", setting, Ending("its process was killed", False))

    assert [found["run_status"] for found in ui.runs()[-2:]] == ["FAILURE", "RUNNING"]


@sdk
def test_a_server_of_the_hamilton_ui_that_is_away_fails_no_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"HAMILTON_API_URL": "http://127.0.0.1:1", "HAMILTON_PROJECT_ID": "1", "HAMILTON_USERNAME": USER}

    result = project.module("flow", FLOW).run(
        "total", inputs={"rows": 2, "token": "t"}, adapters=["tracker"], secrets=settings.__getitem__
    )

    assert result.values["total"] == 3.0
    [record] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.message == (
        "the adapter 'tracker' could not tell all of this run: http://127.0.0.1:1 cannot be reached"
    )
