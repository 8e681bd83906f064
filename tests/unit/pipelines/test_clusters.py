"""Pipelines on real local clusters of Dask and Ray. Ray is large: `make heavy` installs it and runs its tests."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from support.yardstick import MODULES, fields_of, write_modules

from flowerpower.errors import MissingExtraError, PipelineError
from flowerpower.pipelines.failures import UserCodeError

from .conftest import Project, warm_up
from .test_executors import PARALLEL, SUM, Recorder

NO_RAY = pytest.mark.skipif(not find_spec("ray"), reason="ray is not installed: make heavy")
pytestmark = [
    pytest.mark.parametrize("kind", ["dask", pytest.param("ray", marks=NO_RAY)]),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"),
]


@dataclass
class Clusters:
    """Clusters that were there before the run, and know nothing of its project."""

    addresses: dict[str, str]

    def executor(self, kind: str) -> dict[str, str]:
        return {"type": kind, "address": self.addresses[kind]}


@pytest.fixture(scope="module")
def clusters() -> Iterator[Clusters]:
    from distributed import LocalCluster

    addresses = {}
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.ERROR) as dask:
        addresses["dask"] = dask.scheduler_address
        if not find_spec("ray"):
            yield Clusters(addresses)
            return
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_AUTH_MODE", "disabled")  # or tokens in the home folder would count
            with ray_cluster() as addresses["ray"]:
                yield Clusters(addresses)


@contextmanager
def ray_cluster() -> Iterator[str]:
    """Start a node of Ray by its command, as its users do, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}"]
    options = ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats"]
    node = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        node.terminate()
        with suppress(subprocess.TimeoutExpired):
            node.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
        node.wait(20)


def test_nodes_run_there_and_are_reported(project: Project, clusters: Clusters, kind: str) -> None:
    observer = Recorder()
    project.module("helper", "import os\n\nclass Marked(int):\n    pass\n\ndef pid() -> int:\n    return os.getpid()\n")
    project.module(
        "flow",
        """
        import helper
        import pandas as pd

        def frame(n: int) -> pd.DataFrame:
            return pd.DataFrame({"a": range(n)})

        def total(frame: pd.DataFrame, key: int = 1) -> int:
            return int(frame["a"].sum()) * key

        def where(total: int) -> helper.Marked:
            return helper.Marked(helper.pid())
        """,
    )

    result = project.run(
        "total", "where", inputs={"n": 4, "key": 2}, executor=clusters.executor(kind), observer=observer
    )

    assert result.values["total"] == 12
    assert result.values["where"] not in (0, os.getpid())
    assert type(result.values["where"]).__name__ == "Marked"
    assert observer.events == [
        (event, node, *succeeded)
        for node in ("frame", "total", "where")
        for event, succeeded in (("started", ()), ("finished", (True,)))
    ]


def test_whatever_runs_here_runs_there_with_the_same_result(project: Project, clusters: Clusters, kind: str) -> None:
    write_modules(project.root)

    for name in MODULES if os.environ.get("FLOWERPOWER_TEST_LONG") else ("composed", "columns", "blocks"):
        fields = {"modules": [f"yardstick_{name}"], **fields_of(project.root, name)}
        outputs = fields.pop("outputs")
        here = project.run(*outputs, **fields).values
        there = project.run(*outputs, **fields, executor=clusters.executor(kind)).values
        assert {node: str(value) for node, value in there.items()} == {
            node: str(value) for node, value in here.items()
        }, name


def test_new_code_is_used_on_the_same_cluster(project: Project, clusters: Clusters, kind: str) -> None:
    for number in (1, 2):
        project.module("flow", f"def out() -> int:\n    return {number}\n")
        sys.modules.pop("flow", None)
        os.utime(project.root / "flows/flow.py", (number, number))

        assert project.run("out", executor=clusters.executor(kind)).values["out"] == number


def test_parallelizable_blocks_run_there(project: Project, clusters: Clusters, kind: str) -> None:
    result = project.module("flow", PARALLEL).run("pairs", inputs={"n": 4}, executor=clusters.executor(kind))

    assert [square for square, _ in result.values["pairs"]] == [0, 1, 4, 9]
    assert os.getpid() not in {pid for _, pid in result.values["pairs"]}


@pytest.mark.parametrize("parallel", [True, False])
def test_a_failure_is_placed(project: Project, clusters: Clusters, kind: str, parallel: bool) -> None:
    text = PARALLEL.replace("return number * number, os.getpid()", "return 1 / 0, 0")
    if not parallel:
        text = text.replace("Parallelizable[int]", "list[int]").replace("Collect[tuple]", "tuple")
        text = text.replace("number: int", "number: list").replace("yield from range(n)", "return list(range(n))")
        text += "\n    def later(pairs: list) -> int:\n        return 1\n"
    observer = Recorder()

    with pytest.raises(UserCodeError) as caught:
        project.module("flow", text).run(
            "pairs" if parallel else "later", inputs={"n": 2}, executor=clusters.executor(kind), observer=observer
        )

    assert "flows/flow.py:9: ZeroDivisionError" in str(caught.value)
    assert caught.value.details.splitlines()[:2] == [
        "ZeroDivisionError: division by zero",
        "  flows/flow.py:9, in pair",
    ]
    if not parallel:
        assert str(caught.value).startswith("node 'pair' failed")
        assert [event for event in observer.events if event[0] == "finished"][-1] == ("finished", "pair", False)


def test_a_deep_graph_is_sent_node_by_node(project: Project, clusters: Clusters, kind: str) -> None:
    lines = ["def n0() -> int:\n    return 0\n"]
    lines += [f"def n{i}(n{i - 1}: int) -> int:\n    return n{i - 1} + 1\n" for i in range(1, 60)]

    assert project.module("flow", "\n".join(lines)).run("n59", executor=clusters.executor(kind)).values["n59"] == 59


def test_a_time_limit_ends_a_run(project: Project, clusters: Clusters, kind: str, tmp_path: Path) -> None:
    from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

    slow = """
        import time
        from pathlib import Path

        def out(file: str) -> int:
            time.sleep(10)  # until then the worker, which other tests share, does nothing else
            return Path(file).write_text("done")
    """
    project.module("flow", slow)
    warm_up(project, clusters.executor(kind))

    with pytest.raises(UserCodeError, match="JobTimeoutException"), UnixSignalDeathPenalty(1, JobTimeoutException):
        project.run("out", inputs={"file": str(tmp_path / "end")}, executor=clusters.executor(kind))

    assert not (tmp_path / "end").exists()


def test_a_worker_that_dies_of_a_node_fails_that_node(project: Project, kind: str) -> None:
    project.module(
        "flow",
        """
        import os

        def before(pid: int) -> int:
            return pid

        def out(before: int) -> int:
            os._exit(3) if os.getpid() != before else None
            return 1
        """,
    )
    said = {"dask": r"KilledWorker: Attempted to run task 'out-", "ray": "WorkerCrashedError"}[kind]

    with pytest.raises(UserCodeError, match=f"node 'out' failed: {said}"):
        project.run("out", inputs={"pid": os.getpid()}, executor={"type": kind, "max_workers": 1})


def test_an_output_that_cannot_be_pickled_is_named(project: Project, clusters: Clusters, kind: str) -> None:
    text = "import threading\ndef fine() -> int:\n    return 1\ndef lock() -> object:\n    return threading.Lock()\n"

    with pytest.raises(UserCodeError) as caught:
        project.module("flow", text).run("fine", "lock", executor=clusters.executor(kind))

    said = str(caught.value)
    assert "'lock'" in said
    assert said.endswith("cannot pickle '_thread.lock' object")
    assert "Traceback" not in f"{said}{caught.value.details}"


@pytest.mark.parametrize("parallel", [True, False])
def test_a_scheduler_of_dask_that_goes_away_is_said(project: Project, kind: str, parallel: bool) -> None:
    if kind == "ray":
        pytest.skip("Ray ends the whole process, a minute later")
    text = """
        import os, time
        from hamilton.htypes import Collect, Parallelizable

        def before(scheduler: int) -> Parallelizable[int]:
            yield scheduler

        def out(before: int) -> int:
            os.kill(before, 9)
            time.sleep(60)

        def all(out: Collect[int]) -> int:
            return 1
    """
    if not parallel:
        text = text.replace("Parallelizable[int]", "int").replace("Collect[int]", "int").replace("yield", "return")

    with dask_cluster() as (address, pid), pytest.raises(UserCodeError) as caught:
        project.module("flow", text).run(
            "all", inputs={"scheduler": pid}, executor={"type": "dask", "address": address}
        )

    assert "GivenUpError: Client lost the connection to the scheduler" in str(caught.value)
    assert str(caught.value).startswith("the run failed" if parallel else "node 'out' failed")


@contextmanager
def dask_cluster() -> Iterator[tuple[str, int]]:
    """Start a cluster of Dask in a process of its own, and yield its address and the number of that process."""
    script = """
        from distributed import LocalCluster
        if __name__ == "__main__":
            with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
                print(cluster.scheduler_address, flush=True)
                input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip(), process.pid
        process.kill()


def test_a_cluster_out_of_reach_is_an_error(project: Project, clusters: Clusters, kind: str) -> None:
    address: Any = {"dask": "nonsense://nowhere", "ray": "127.0.0.1:1"}[kind]

    with pytest.raises(PipelineError, match=f"the {kind} cluster at {address} cannot be used"):
        project.module("flow", SUM).run("total", inputs={"x": 1}, executor={"type": kind, "address": address})


def test_a_missing_input_is_said_before_a_cluster_is_asked_for(project: Project, kind: str) -> None:
    with pytest.raises(PipelineError, match="missing input: x"):
        project.module("flow", SUM).run("total", executor={"type": kind, "address": "tcp://127.0.0.1:1"})


def test_a_missing_library_says_what_to_install(project: Project, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"dask": "distributed", "ray": "ray"}[kind], None)
    monkeypatch.delitem(sys.modules, f"flowerpower.pipelines.cluster_{kind}", raising=False)

    with pytest.raises(MissingExtraError) as caught:
        project.module("flow", SUM).run("total", inputs={"x": 1}, executor={"type": kind})

    assert caught.value.hint == f"pip install 'flowerpower-gitops[{kind}]'"


def test_without_an_address_a_local_cluster_lives_as_long_as_the_run(project: Project, kind: str) -> None:
    project.module("helper", "import os\n\ndef pid() -> int:\n    return os.getpid()\n")
    project.module("flow", "def where() -> int:\n    import helper\n    return helper.pid()\n")

    pid = project.run("where", executor={"type": kind, "max_workers": 1}).values["where"]

    assert pid != os.getpid()
    deadline = time.monotonic() + 30
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
