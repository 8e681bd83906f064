from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmarks.children import run_command
from benchmarks.context import Context
from benchmarks.peers import Peers

CONTEXT = Context(Peers(Path("python"), None, {}), 5, False, False, Path(), lambda text: None)


def test_slow_peers_do_less_in_a_quick_run_and_the_slowest_in_every_run() -> None:
    quick = replace(CONTEXT, quick=True)

    assert [(quick.slow_size(size), quick.slowest_size(size)) for size in (1_000,)] == [(100, 100)]
    assert [(CONTEXT.slow_size(size), CONTEXT.slowest_size(size)) for size in (1_000, 10_000)] == [
        (1_000, 1_000),
        (10_000, 1_000),
    ]


def test_a_command_that_succeeds_is_quiet_and_one_that_fails_says_why(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, printed = run_command([["sh", "-c", "echo checked; echo noise >&2"]], tmp_path)
    assert (printed, capfd.readouterr().err) == (["checked\n"], "")

    with pytest.raises(CalledProcessError, match="exit status 3"):
        run_command([["sh", "-c", "echo no such schema >&2; exit 3"]], tmp_path)

    assert capfd.readouterr().err == "no such schema\n"
