"""The old programs as nodes."""

from __future__ import annotations

import subprocess


def report(day: str) -> int:
    """Make the report of a day."""
    return _run("nightly-report", "--day", day)


def orders() -> int:
    """Ask for new orders."""
    return _run("poll-orders")


def closing() -> int:
    """Do what is due on the first of a month and on Mondays."""
    return _run("monthly-and-monday")


def odd_mondays() -> int:
    """Do what is due on Mondays with an odd date."""
    return _run("odd-mondays")


def cleaned() -> int:
    """Remove what nobody needs any more."""
    return _run("clean-up")


def _run(*command: str) -> int:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, end="")  # the log has what the run itself prints, not what its programs do
    done.check_returncode()
    return done.returncode
