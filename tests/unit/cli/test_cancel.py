"""`cancel` on the real command line, where no worker runs: what waits is dropped."""

from __future__ import annotations

import subprocess
import sys
import time

from support.command_line import CommandLine


def test_all_active_runs_of_a_name_are_dropped_at_once(applied: CommandLine) -> None:
    for _ in range(12):
        assert applied("trigger", "hourly").code == 0
    assert applied("trigger", "nightly").code == 0

    refused = applied("cancel", "hourly")
    cancelled = applied("cancel", "hourly", "--all", "--reason", "a mistake")

    assert (refused.code, "12 runs of hourly are active" in refused.err) == (1, True)
    assert "all of them: `flowerpower cancel hourly --all`" in " ".join(refused.err.split())
    assert (cancelled.code, cancelled.out) == (0, "Cancelled 12 runs that waited: they will not run\n")
    left = applied("runs", "--json").document["runs"]
    assert [(one["name"], one["status"]) for one in left[:1]] == [("nightly", "queued")]
    assert {one["reason"].partition(": ")[2] for one in left[1:]} == {"a mistake"}


def test_few_runs_are_named_one_by_one_and_none_is_as_it_should_be(applied: CommandLine) -> None:
    for _ in range(2):
        assert applied("trigger", "hourly").code == 0
    paused = applied("pause", "hourly", "--reason", "x")

    cancelled, again = applied("cancel", "hourly", "--all"), applied("cancel", "hourly", "--all")

    assert paused.err == "To stop what is under way: flowerpower cancel hourly --all\n"
    assert [line.partition("--")[0] for line in cancelled.out.splitlines()] == ["Cancelled hourly"] * 2
    nothing = "Nothing to cancel: no run of that name is active; backfills of it start no more\n"
    assert (again.code, again.out) == (0, nothing)


def test_a_name_that_nothing_has_is_an_error_also_with_all(applied: CommandLine) -> None:
    unknown = applied("cancel", "hurly", "--all")

    assert (unknown.code, "no run of 'hurly' is active" in unknown.err) == (1, True)


def test_a_backfill_that_runs_elsewhere_ends_when_all_runs_of_its_name_are_cancelled(applied: CommandLine) -> None:
    command = [sys.executable, "-m", "flowerpower", "backfill", "hourly", "--from", "6h", "--auto-approve"]
    environment = applied.quiet_environment()
    with subprocess.Popen(
        command, cwd=applied.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as backfill:
        deadline = time.monotonic() + 60
        while not applied("runs", "hourly", "--json").document["active"]:
            assert time.monotonic() < deadline
        cancelled = applied("cancel", "hourly", "--all", "--reason", "wrong week")
        out, err = backfill.communicate(timeout=60)

    assert (cancelled.code, backfill.returncode, err) == (0, 1, "")
    assert "Backfill ended: 0 succeeded, 1 did not, 5 not started." in out
    assert "Why: somebody cancelled all of its runs, so no other is started." in out
    assert "wrong week" in out
    assert applied("runs", "hourly", "--json").document["active"] == 0
