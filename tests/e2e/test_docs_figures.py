"""How much quicker a page says that something is, is what the benchmarks have measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = {"twice": 2, "three": 3, "ten": 10, "twelve": 12}
RUN, PLAN, DISPATCH = "a run of ten nodes", "plan of {} schedules again", "dispatch 10,000 due ticks"
WARM, FORKED = "flowerpower --warm, 2 processes", "flowerpower"
OURS = "flowerpower plan"


def measured(heading: str, column: str, side: str) -> float:
    """Return a figure of a table of the benchmarks: that of the side of this name, whatever its version."""
    page = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    table = page.split(f"\n### {heading}\n")[1].split("\n### ")[0]
    header, _, *rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line[:1] == "|"]
    sides = {row[2].rpartition(" ")[0]: row for row in rows}
    return float(sides[side][header.index(column)].replace(",", ""))


def rates(heading: str, quick: str, slow: str) -> float:
    return measured(heading, "per second", quick) / measured(heading, "per second", slow)


@pytest.mark.parametrize(
    ("page", "words", "ratio"),
    [
        ("comparison", r"Celery does about (\w+) (?:times )?as many", rates(RUN, "celery prefork, 2 processes", WARM)),
        (
            "sizing",
            r"a Celery with prefork does \w+ (\w+) (?:times )?as",
            rates(RUN, "celery prefork, 2 processes", WARM),
        ),
        ("sizing", r"some (\d+) times as many runs as a stock", rates(RUN, FORKED, "rq worker")),
        (
            "sizing",
            r"Of 100,000 it takes some (\w+) times that",
            measured(PLAN.format("100,000"), "median s", OURS) / measured(PLAN.format("10,000"), "median s", OURS),
        ),
        ("sizing", r"(\d+) to \d+ times as fast as rq-scheduler", rates(DISPATCH, FORKED, "rq-scheduler")),
        ("sizing", r"(\d+) to \d+ times RQ's CronScheduler", rates(DISPATCH, FORKED, "RQ CronScheduler")),
        ("sizing", r"(\d+) to \d+ times redbeat", rates(DISPATCH, FORKED, "celery-redbeat")),
    ],
)
def test_a_page_says_what_was_measured(page: str, words: str, ratio: float) -> None:
    text = " ".join((ROOT / f"docs/{page}.md").read_text(encoding="utf-8").split())
    found = re.search(words, text)

    assert found
    assert (WORDS.get(found[1]) or int(found[1])) == pytest.approx(ratio, rel=0.15)
