"""What computes the nodes, and who is told about it."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

import pytest

from flowerpower.pipelines.failures import UserCodeError

from .conftest import Project, warm_up

SUM = """
    def doubled(x: int) -> int:
        return x * 2

    def total(doubled: int, y: float = 0.5) -> float:
        return doubled + y
"""


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple] = []

    def node_started(self, node: str) -> None:
        self.events.append(("started", node))

    def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
        self.events.append(("finished", node, succeeded))


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_every_executor_gives_the_same_result_and_reports_nodes(project: Project, executor: str) -> None:
    observer = Recorder()

    result = project.module("flow", SUM).run(
        "total", inputs={"x": 3}, executor={"type": executor, "max_workers": 2}, observer=observer
    )

    assert result.values["total"] == 6.5
    assert observer.events == [
        ("started", "doubled"),
        ("finished", "doubled", True),
        ("started", "total"),
        ("finished", "total", True),
    ]


def test_a_failed_node_is_reported_as_failed(project: Project) -> None:
    observer = Recorder()
    project.module("flow", "def a() -> int:\n    return 1\ndef out(a: int) -> int:\n    return a / 0\n")

    with pytest.raises(UserCodeError):
        project.run("out", observer=observer)

    assert observer.events[-1] == ("finished", "out", False)


def test_an_observer_that_fails_does_not_fail_the_run(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def node_started(self, node: str) -> None:
            raise ValueError("display is gone")

    result = project.module("flow", SUM).run("total", inputs={"x": 1}, observer=Broken())

    assert result.values["total"] == 2.5
    assert "an observer of the run failed" in caplog.text


def test_threads_run_nodes_side_by_side(project: Project) -> None:
    project.module(
        "flow",
        """
        import threading
        barrier = threading.Barrier(2, timeout=20)

        def a() -> int:
            return barrier.wait()

        def b() -> int:
            return barrier.wait()

        def out(a: int, b: int) -> int:
            return a + b
        """,
    )

    assert project.run("out", executor={"type": "threads", "max_workers": 3}).values["out"] == 1
    assert not [one.name for one in threading.enumerate() if one.name.startswith("flowerpower")]


PARALLEL = """
    import os
    from hamilton.htypes import Collect, Parallelizable

    def number(n: int) -> Parallelizable[int]:
        yield from range(n)

    def pair(number: int) -> tuple:
        return number * number, os.getpid()

    def pairs(pair: Collect[tuple]) -> list:
        return sorted(pair)
"""


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_parallelizable_blocks_run_with_every_executor(project: Project, executor: str) -> None:
    result = project.module("flow", PARALLEL).run(
        "pairs", inputs={"n": 4}, executor={"type": executor, "max_workers": 2}, observer=Recorder()
    )

    assert [square for square, _ in result.values["pairs"]] == [0, 1, 4, 9]
    assert (os.getpid() in {pid for _, pid in result.values["pairs"]}) == (executor != "processes")


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_a_failure_is_placed_wherever_it_happened(project: Project, executor: str) -> None:
    text = PARALLEL.replace("return number * number, os.getpid()", "return 1 / 0, 0")

    with pytest.raises(UserCodeError) as caught:
        project.module("flow", text).run("pairs", inputs={"n": 2}, executor={"type": executor, "max_workers": 2})

    assert "flows/flow.py:9: ZeroDivisionError" in str(caught.value)
    assert caught.value.details.splitlines()[:3] == [
        "ZeroDivisionError: division by zero",
        "  flows/flow.py:9, in pair",
        "      return 1 / 0, 0",
    ]


def ended(processes: Sequence[BaseProcess]) -> bool:
    """Wait until processes have ended; one that a thread of the pool waits for may look alive for a moment more."""
    end = time.monotonic() + 10
    while any(process.is_alive() for process in processes) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(process.is_alive() for process in processes)


@pytest.mark.parametrize("executor", ["local", "threads"])
def test_a_time_limit_ends_a_run_at_once(project: Project, executor: str) -> None:
    from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

    project.module(
        "flow",
        "import time\ndef out(release: str) -> int:\n    import pathlib\n"
        "    while not pathlib.Path(release).exists():\n        time.sleep(0.01)\n    return 1\n",
    )
    release = project.root / "release"
    warm_up(project, {"type": executor})
    began = time.monotonic()

    try:
        with pytest.raises(UserCodeError, match="JobTimeoutException"), UnixSignalDeathPenalty(1, JobTimeoutException):
            project.run("out", inputs={"release": str(release)}, executor={"type": executor})
        assert time.monotonic() - began < 20
    finally:
        release.touch()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_time_limit_ends_a_run_whose_tasks_hang(project: Project, executor: str) -> None:
    from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

    release = project.root / "release"
    waiting = f"import time, pathlib\n        while not pathlib.Path({str(release)!r}).exists(): time.sleep(0.05)"
    text = PARALLEL.replace("return number * number, os.getpid()", f"{waiting}\n        return 0, 0")
    project.module("flow", text)
    how = {"type": executor, "max_workers": 2}
    warm_up(project, how)
    began = time.monotonic()

    try:  # by its limit all processes have started
        with pytest.raises(UserCodeError, match="JobTimeoutException"), UnixSignalDeathPenalty(3, JobTimeoutException):
            project.run("pairs", inputs={"n": 4}, executor=how)
        assert time.monotonic() - began < 20
        assert ended(multiprocessing.active_children())
    finally:
        release.touch()


@pytest.mark.parametrize("number", [1, 2])
def test_a_time_limit_that_strikes_as_a_process_starts_leaves_none_behind(
    project: Project, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

    started: list[BaseProcess] = []
    start = BaseProcess.start

    def start_and_be_late(process: BaseProcess) -> None:
        start(process)
        started.append(process)
        if len(started) == number:
            os.kill(os.getpid(), signal.SIGALRM)

    project.module("flow", PARALLEL)
    how = {"type": "processes", "max_workers": 2}
    warm_up(project, how)
    monkeypatch.setattr(BaseProcess, "start", start_and_be_late)

    with pytest.raises(UserCodeError, match="JobTimeoutException"), UnixSignalDeathPenalty(300, JobTimeoutException):
        project.run("pairs", inputs={"n": 4}, executor=how)

    try:
        assert ended(started)
    finally:
        for process in started:
            process.kill()


def test_a_time_limit_that_strikes_in_an_observer_is_not_lost(project: Project) -> None:
    from rq.timeouts import JobTimeoutException

    class Struck:
        def node_started(self, node: str) -> None:
            raise JobTimeoutException("too long")

    with pytest.raises(UserCodeError, match="too long"):
        project.module("flow", SUM).run("total", inputs={"x": 1}, observer=Struck())


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_waiting_for_a_block_takes_no_core(project: Project, executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hamilton.execution.executors import TaskFutureWrappingPythonFuture

    asked: list[int] = []
    ask = TaskFutureWrappingPythonFuture.get_state
    monkeypatch.setattr(TaskFutureWrappingPythonFuture, "get_state", lambda self: (asked.append(1), ask(self))[1])
    text = PARALLEL.replace("return number * number, os.getpid()", "import time; time.sleep(0.2); return 0, 0")

    project.module("flow", text).run("pairs", inputs={"n": 2}, executor={"type": executor, "max_workers": 2})

    assert len(asked) < 1000  # Hamilton by itself asks ten thousand times and more
