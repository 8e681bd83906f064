"""Errors as values: what they say survives the way from one process to another."""

from __future__ import annotations

import pickle
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


def test_a_pool_of_processes_outlives_a_project_that_is_wrong(tmp_path: Path) -> None:
    write_project(tmp_path, schedule="every: 1h\ncorn: x")

    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        with pytest.raises(SpecError, match="corn") as raised:
            pool.submit(_names, tmp_path).result()
        assert raised.value.problems[0].place.file == "schedules/often.yaml"
        assert pool.submit(abs, -1).result() == 1


def _names(folder: Path) -> tuple[str, ...]:
    return FlowerPowerProject.load(folder).pipelines.names()
