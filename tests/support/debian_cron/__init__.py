"""What Debian's cron itself does where clocks are changed: its own code, run through years in seconds.

`build.sh` makes the program of Debian's sources. `python -m support.debian_cron PROGRAM` writes what it did into
`tests/cases/triggers/debian-cron.txt`, which the tests compare with ours wherever they run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

from support.clocks import EXPRESSIONS, Change, Daily, written_changes

CASES = Path(__file__).resolve().parents[2] / "cases" / "triggers" / "debian-cron.txt"
HEAD = """\
# What cron 3.0pl1-162 of Debian did, written by tests/support/debian_cron: for each change of a zone's clocks (its
# moment in epoch seconds, the offsets before and after) and each expression the minutes from the change at which it
# started the job, from three hours before it to three hours after it and longer if the change is. A number that stands
# twice: the job was started twice in that minute.
"""
# It counts minutes in 32 bits, and those before 1970 wrongly. `L` is not of its dialect.
FIRST, LAST = 2 * 86_400, 2**31 - 2 * 86_400
KNOWN = tuple(cron for cron in EXPRESSIONS if "L" not in cron.text)
SHORT = tuple(cron for cron in KNOWN if len(cron.minutes) < 100)


def is_known(change: Change) -> bool:
    """Tell whether it can be asked about a change."""
    return change.step == 60 and change.first > FIRST and change.end < LAST


def ask(program: str, changes: Sequence[Change], crons: Sequence[Daily]) -> Iterator[tuple[Change, Daily, list[int]]]:
    """Yield when Debian's cron starts each job around each change, as instants; some of them more than once."""
    jobs = "".join(f"{cron.text} {number}\n" for number, cron in enumerate(crons))
    stretches = "".join(f"{change.zone} {change.first // 60 * 60 - 60} {change.end}\n" for change in changes)
    with resources.as_file(resources.files("tzdata").joinpath("zoneinfo")) as folder:
        done = subprocess.run(
            [program],
            input=f"{jobs}run\n{stretches}",
            env={**os.environ, "TZDIR": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )
    for change, line in zip(changes, done.stdout.splitlines(), strict=True):
        found: list[list[int]] = [[] for _ in crons]
        for word in line.split()[2:]:
            number, _, instant = word.partition("@")
            if int(instant) >= change.first:
                found[int(number)].append(int(instant) // 60 * 60)  # it wakes a second late
        yield from ((change, cron, found[number]) for number, cron in enumerate(crons))


def recorded() -> Iterator[tuple[Change, Daily, list[int]]]:
    """Yield the same from the file."""
    crons = {cron.text: cron for cron in KNOWN}
    change = None
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("  ") and change is not None:
            text, _, minutes = line.strip().partition(" : ")
            yield change, crons[text.removesuffix(" :")], [change.at + int(word) * 60 for word in minutes.split()]
        elif line and not line.startswith("#"):
            zone, at, before, after = line.split()
            change = Change(zone, int(at), int(before), int(after))


def record(program: str, changes: Sequence[Change]) -> str:
    """Return the file."""
    lines, last = [HEAD.rstrip()], None
    for change, cron, found in ask(program, changes, SHORT):
        if change != last:
            lines.append(f"\n{change.zone} {change.at} {change.before} {change.after}")
        minutes = " ".join(str((instant - change.at) // 60) for instant in found)
        lines.append(f"  {cron.text} : {minutes}".rstrip())
        last = change
    return "\n".join(lines) + "\n"


def near(zone: str, year: int) -> list[Change]:
    """Return the changes that stand in the file of a zone for that year."""
    return [change for change in written_changes(zone) if abs(change.at / 31_556_952 + 1970 - year - 0.5) < 0.55]
