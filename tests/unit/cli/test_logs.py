"""The lines that a worker logs."""

from __future__ import annotations

import logging

import pytest

from flowerpower.cli.logs import LogFormatter


def formatted(message: str, *, colours: bool) -> str:
    record = logging.LogRecord("rq.worker", logging.INFO, "", 0, "%s", (message,), None)
    return LogFormatter(colours=colours).format(record).partition(" rq.worker INFO ")[2]


@pytest.mark.parametrize(("colours", "shown"), [(True, "on \x1b[32mdefault\x1b[39;49;00m"), (False, "on default")])
def test_colours_of_rq_are_left_out_where_none_are_wanted(colours: bool, shown: str) -> None:
    assert formatted("on \x1b[32mdefault\x1b[39;49;00m", colours=colours) == shown


@pytest.mark.parametrize("colours", [True, False])
def test_nothing_else_in_a_log_steers_a_terminal(colours: bool) -> None:
    assert formatted("a\x1b[2Jb\x1b]0;title\x07\n\tc", colours=colours) == "a\\x1b[2Jb\\x1b]0;title\\x07\n        c"
