"""The cache of node results: what it saves, and above all what it never gives."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hamilton.caching.stores.base import ResultRetrievalError

from flowerpower.errors import FlowerPowerError
from flowerpower.pipelines import cache
from flowerpower.pipelines.cache import Values

from .conftest import Project

COUNTED = """
    from pathlib import Path
    import helper

    def _counted(name: str, base: str) -> None:
        with Path(base, name).open("a") as handle:
            handle.write(".")

    def first(base: str, n: int) -> object:
        _counted("first", base)
        return helper.shape(n)

    def second(base: str, first: object) -> str:
        _counted("second", base)
        return f"{type(first).__name__} {first}"
"""


def fresh(project: Project, name: str, text: str) -> None:
    """Write a module as a new process would find it."""
    project.module(name, text)
    file = project.root / f"flows/{name}.py"
    os.utime(file, (0, int.from_bytes(os.urandom(4), "big") // 2))  # by whole seconds Python tells byte code apart
    for loaded in [name, "flow"]:
        sys.modules.pop(loaded, None)


@pytest.fixture
def counted(project: Project) -> Project:
    fresh(project, "helper", "def shape(n):\n    return n * 10\n")
    fresh(project, "flow", COUNTED)
    return project


def run(project: Project, *, n: Any = 1, output: str = "second", **fields: Any) -> tuple[Any, int, int]:
    """Return the output, and how often each node was computed in this run."""
    before = counts(project)
    value = project.run(output, inputs={"n": n, "base": str(project.root)}, **{"cache": True, **fields}).values[output]
    first, second = (now - then for now, then in zip(counts(project), before, strict=True))
    return value, first, second


def counts(project: Project) -> list[int]:
    files = [project.root / name for name in ("first", "second")]
    return [file.stat().st_size if file.exists() else 0 for file in files]


@pytest.mark.parametrize("executor", ["local", "threads"])
def test_nothing_is_computed_twice(counted: Project, executor: str) -> None:
    fields = {"executor": {"type": executor}}

    assert run(counted, **fields) == ("int 10", 1, 1)
    assert run(counted, **fields) == ("int 10", 0, 0)
    assert run(counted, n=2, **fields) == ("int 20", 1, 1)


def test_a_helper_that_changed_is_never_answered_from_the_cache(counted: Project) -> None:
    run(counted)
    fresh(counted, "helper", "def shape(n):\n    return n * 11\n")

    assert run(counted) == ("int 11", 1, 1)


def test_a_file_beside_the_modules_counts_as_code(counted: Project) -> None:
    query = counted.root / "flows/query.sql"
    query.write_text("SELECT 1")
    fresh(counted, "helper", f"from pathlib import Path\ndef shape(n):\n    return Path({str(query)!r}).read_text()\n")
    run(counted)
    query.write_text("SELECT 2")

    assert run(counted) == ("str SELECT 2", 1, 1)


def test_the_config_and_the_installed_libraries_count(counted: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run(counted)

    assert run(counted, config={"mode": "fast"})[1:] == (1, 1)

    site = counted.root / "site/other-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site.parent))
    assert run(counted)[1:] == (1, 1)


FRAMES = """
    import pandas as pd
    import polars as pl

    def shape(n):
        return {
            1: pd.DataFrame({"a": [1, 2]}),
            2: pd.DataFrame({"b": [1, 2]}),
            3: pd.DataFrame({"a": [1, 2]}, dtype="int32"),
            4: pd.DataFrame({"a": [1, 2, 3]}, index=[0, 0, 1]),
            5: pd.DataFrame({"a": [2, 1, 3]}, index=[0, 0, 1]),
            6: pl.DataFrame({"a": [1, 2]}),
            7: pl.DataFrame({"b": [1, 2]}),
            8: [1, "1"],
            9: ["1", 1],
            10: "1",
            11: 1,
            12: 1.0,
            13: True,
            14: (1,),
            15: [1],
        }[n]
"""


def test_values_that_differ_are_never_taken_for_each_other(counted: Project) -> None:
    fresh(counted, "helper", FRAMES)

    for n in range(1, 16):
        assert run(counted, n=n)[1:] == (1, 1), n
    for n in range(1, 16):
        with_cache, without = run(counted, n=n), run(counted, n=n, cache=False)
        assert with_cache == (without[0], 0, 0), n


def test_what_cannot_be_pickled_is_computed_every_time(counted: Project) -> None:
    fresh(counted, "helper", "def shape(n):\n    return lambda: n\n")

    assert run(counted)[1:] == (1, 1)
    assert run(counted)[1:] == (1, 1)


def test_a_file_that_a_load_reads_may_change(counted: Project) -> None:
    fresh(counted, "helper", "def shape(n):\n    return n['n']\n")
    fresh(counted, "flow", COUNTED.replace("n: int", "n: dict"))
    fields = {"inputs": {"base": str(counted.root)}, "load": {"n": {"format": "json", "path": "n.json"}}, "cache": True}

    for number, expected in ((1, [1, 1]), (1, [1, 1]), (2, [2, 2])):
        (counted.root / "n.json").write_text(f'{{"n": {number}}}')

        assert counted.run("second", **fields).values["second"] == f"int {number}"
        assert counts(counted) == expected


def test_nodes_may_be_computed_every_time_or_not_count(counted: Project) -> None:
    settings = {"path": "kept", "recompute": ["first"]}
    run(counted, cache=settings)

    assert run(counted, cache=settings) == ("int 10", 1, 0)
    assert (counted.root / "kept").is_dir()


@pytest.mark.parametrize("executor", ["local", "threads", "processes"])
def test_blocks_are_cached_one_by_one(project: Project, executor: str) -> None:
    fresh(
        project,
        "flow",
        """
        from pathlib import Path
        from hamilton.htypes import Collect, Parallelizable

        def number(n: int) -> Parallelizable[int]:
            yield from range(n)

        def square(number: int, base: str) -> int:
            with Path(base, "first").open("a") as handle:
                handle.write(".")
            return number * number

        def squares(square: Collect[int]) -> list:
            return sorted(square)
        """,
    )
    fields = {"output": "squares", "executor": {"type": executor, "max_workers": 2}}

    assert run(project, n=3, **fields)[:2] == ([0, 1, 4], 3)
    assert run(project, n=3, **fields)[:2] == ([0, 1, 4], 0)
    assert run(project, n=4, **fields)[:2] == ([0, 1, 4, 9], 1)


def test_loaders_and_savers_of_hamilton_do_their_work_every_time(project: Project) -> None:
    fresh(
        project,
        "flow",
        """
        import pandas as pd
        from hamilton.function_modifiers import load_from, save_to, source, value

        @load_from.json(path=source("path"))
        def size(data: dict) -> int:
            return data["size"]

        @save_to.json(path=source("to"), output_name_="saved")
        def report(size: int) -> dict:
            return {"size": size}
        """,
    )
    inputs = {"path": str(project.root / "in.json"), "to": str(project.root / "out.json")}

    for number in (1, 2):
        (project.root / "in.json").write_text(f'{{"size": {number}}}')
        (project.root / "out.json").unlink(missing_ok=True)
        result = project.run("report", "saved", inputs=inputs, cache=True)
        assert result.values["report"] == {"size": number}
        assert (project.root / "out.json").read_text() == f'{{"size": {number}}}'


def test_a_damaged_cache_is_filled_anew(counted: Project) -> None:
    run(counted)
    for file in (counted.root / ".flowerpower/cache").rglob("values/*"):
        file.write_bytes(file.read_bytes()[:3])

    assert run(counted) == ("int 10", 1, 1)
    assert run(counted) == ("int 10", 0, 0)


def test_versions_that_nobody_used_for_long_are_removed(counted: Project) -> None:
    run(counted)
    (old,) = (counted.root / ".flowerpower/cache").iterdir()
    mine = old.with_name("p-notes")
    mine.mkdir()
    for folder in (old, mine):
        os.utime(folder, (0, 0))
    fresh(counted, "helper", "def shape(n):\n    return n\n")
    run(counted)

    assert not old.exists()
    assert mine.exists()


def test_a_version_that_another_run_removes_at_the_same_time_is_passed_over(counted: Project) -> None:
    base = counted.root / ".flowerpower/cache"
    base.mkdir(parents=True)
    (base / f"p-{'0' * 24}").symlink_to("removed")

    assert run(counted) == ("int 10", 1, 1)


def test_a_result_that_another_run_removes_at_the_same_time_is_not_taken_for_none(tmp_path: Path) -> None:
    with pytest.raises(ResultRetrievalError):
        Values(str(tmp_path)).get("removed")


def test_a_disk_without_room_for_the_cache_fails_no_run(
    counted: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(file: Path, *, durable: bool) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    monkeypatch.setattr(cache, "replace_file", full)

    assert run(counted) == ("int 10", 1, 1)
    assert run(counted) == ("int 10", 1, 1)
    (said,) = caplog.messages
    assert said.endswith("cannot be written, so the next run computes the same again: No space left on device")


def test_a_time_limit_that_strikes_in_the_cache_ends_the_run(counted: Project) -> None:
    text = """
        from rq.timeouts import JobTimeoutException

        class Slow:
            def __reduce__(self):
                raise JobTimeoutException("out of time")

        def shape(n):
            return Slow()
    """
    fresh(counted, "helper", text)

    with pytest.raises(FlowerPowerError, match="out of time"):
        run(counted, output="first")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cache": {"path": "../cache"}}, "lies outside of"),
        ({"cache": {"path": "c", "recompute": ["frist"]}}, "cache.recompute: there is no node 'frist'"),
        ({"executor": {"type": "dask"}}, "`cache` does not go with the executor dask"),
        ({"cache": {"path": "flows/flow.py"}}, "the cache cannot be used: "),
    ],
)
def test_a_cache_that_cannot_be_had_is_refused(counted: Project, fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(FlowerPowerError) as caught:
        run(counted, **fields)

    assert expected in str(caught.value)
    assert counts(counted) == [0, 0]


def test_secrets_are_not_in_names_or_keys_of_the_cache(counted: Project) -> None:
    inputs = {"n": 1, "base": str(counted.root)}
    secrets = {"PW": "hunter2-hunter2"}.__getitem__

    counted.run("second", inputs=inputs, config={"token": "${secret:PW}"}, cache=True, secrets=secrets)

    for path in (counted.root / ".flowerpower").rglob("*"):
        assert "hunter2" not in path.name
        assert path.is_dir() or b"hunter2" not in path.read_bytes()


@pytest.mark.parametrize("executor", ["local", "threads"])
def test_a_result_says_which_nodes_came_from_the_cache(counted: Project, executor: str) -> None:
    told: list[str] = []

    class Observer:
        def node_started(self, node: str) -> None:
            told.append(f"{node} begins")

        def node_finished(self, node: str, seconds: float, succeeded: bool) -> None:
            told.append(f"{node} computed")

        def node_recalled(self, node: str, seconds: float) -> None:
            told.append(f"{node} recalled")

    def cached(**fields: Any) -> tuple[dict[str, bool], dict[str, Any]]:
        inputs = {"n": 1, "base": str(counted.root)}
        kind = {"executor": {"type": executor}, "observer": Observer(), **fields}
        result = counted.run("second", inputs=inputs, **kind)
        return {time.node: time.cached for time in result.nodes}, result.to_dict()

    assert cached(cache=True)[0] == {"first": False, "second": False}
    told.clear()
    flags, summary = cached(cache={"path": ".flowerpower/cache", "recompute": ["first"]})

    assert flags == {"first": False, "second": True}
    assert summary["cached_count"] == 1
    assert {node["node"]: node.get("cached") for node in summary["nodes"]} == {"first": None, "second": True}
    assert {"first computed", "second recalled"} < {*told}
    assert len(told) == 4
    assert cached()[1]["cached_count"] == 0
