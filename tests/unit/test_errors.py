"""Errors as values: what they say survives the way from one process to another."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from support.projects import write_project

from flowerpower.errors import (
    FlowerPowerError,
    MissingExtraError,
    Place,
    Problem,
    SpecError,
    StoreError,
    UsageError,
    WaitTimeoutError,
)
from flowerpower.pipelines.failures import UserCodeError
from flowerpower.project import FlowerPowerProject
from flowerpower.schedule.errors import TriggerError

_ERRORS = [
    UsageError("that is none", hint="take another"),
    StoreError("Redis is away"),
    WaitTimeoutError("run acme--default--report--1 is still queued after 3 s"),
    SpecError([Problem("FP104", Place("schedules/often.yaml", 2, 3), "there is no field 'corn'", "cron?")]),
    MissingExtraError("parquet", "parquet"),
    UserCodeError("node 'sales' failed", node="sales", details="flows/sales.py:3"),
    TriggerError("the minute is 61", hint="0 to 59"),
]


@pytest.mark.parametrize("error", _ERRORS, ids=[type(error).__name__ for error in _ERRORS])
def test_an_error_is_the_same_after_a_pickle(error: FlowerPowerError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert (str(again), again.hint, again.details) == (str(error), error.hint, error.details)
    assert vars(again) == vars(error)


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def test_a_traceback_shows_what_to_do_in_the_words_of_python() -> None:
    error = StoreError("Redis is away")

    assert str(error) == "Redis is away"
    assert "check --redis" in error.hint
    assert error.advice == (
        "check FlowerPowerProject.load(redis=...) and that the server runs, then call again, which is safe to repeat"
    )
    assert _shown(error) == f"flowerpower.errors.StoreError: Redis is away\nhint: {error.advice}"
    assert _shown(UsageError("that is none")).endswith("UsageError: that is none")


def test_a_traceback_shows_what_a_hint_became_and_what_others_noted_also_after_a_pickle() -> None:
    error = MissingExtraError("parquet", "parquet")
    error.hint = "ask the platform team"
    error.add_note("while reading orders")

    for one in (error, pickle.loads(pickle.dumps(error))):
        assert _shown(one).splitlines()[-2:] == ["hint: ask the platform team", "while reading orders"]
        assert one.__notes__ == ["hint: ask the platform team", "while reading orders"]


_WITH_TRACEBACKS = """
import pickle
from tblib import pickling_support
from unit.test_errors import _ERRORS

pickling_support.install()
for error in _ERRORS:
    error.add_note("while reading orders")
    again = pickle.loads(pickle.dumps(error))
    assert (vars(again), again.__notes__) == (vars(error), error.__notes__), again.__notes__
    print(*again.__notes__, sep="; ")
"""


def test_a_pickle_that_holds_a_traceback_loads_and_says_each_thing_once() -> None:
    """Dask lets every process pickle tracebacks, by way of notes that it sets."""
    pytest.importorskip("tblib")
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", _WITH_TRACEBACKS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **path},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "hint: take another; while reading orders"


def test_a_log_shows_it_too(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise UsageError("that is none", hint="take another")
    except UsageError:
        logging.getLogger("mine").exception("it failed")

    assert caplog.text.count("hint: take another") == 1


def test_a_traceback_shows_details_unless_a_cause_shows_the_same() -> None:
    error = UserCodeError("node 'sales' failed", node="sales", details="flows/sales.py:3")
    assert _shown(error).endswith("node 'sales' failed\nflows/sales.py:3")

    error.__cause__ = ValueError("no number")
    assert "flows/sales.py:3" not in _shown(error)


def test_a_traceback_of_invalid_specs_shows_each_mistake_up_to_ten() -> None:
    problems = [Problem("FP104", Place("schedules/often.yaml", line), f"mistake {line}") for line in range(1, 13)]
    few, many = _shown(SpecError(problems[:2])), _shown(SpecError(problems))

    assert few.splitlines() == [
        "flowerpower.errors.SpecError: 2 invalid places in the specs; first: schedules/often.yaml:1:1: FP104 mistake 1",
        "schedules/often.yaml:2:1: FP104 mistake 2",
        "hint: call `project.validate()`",
    ]
    assert many.splitlines()[-3:] == [
        "schedules/often.yaml:10:1: FP104 mistake 10",
        "and 2 more",
        "hint: call `project.validate()`",
    ]


def test_a_pool_of_processes_outlives_a_project_that_is_wrong(tmp_path: Path) -> None:
    write_project(tmp_path, schedule="every: 1h\ncorn: x")

    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        with pytest.raises(SpecError, match="corn") as raised:
            pool.submit(_names, tmp_path).result()
        assert raised.value.problems[0].place.file == "schedules/often.yaml"
        assert pool.submit(abs, -1).result() == 1


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(FlowerPowerProject.load(folder).spec.pipelines)
