from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.odd_files import build_case

from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.files.side_by_side import check_part, halves, together
from flowerpower.specs.files.sources import Sources, read
from flowerpower.specs.verdict import Question

CASES = Path(__file__).parents[2] / "cases" / "specs"
NOW = 1_800_000_000
QUESTION = Question("default", {}, NOW)
MANY = 2100


# Where names are compared with those of other schedules, nothing is checked in halves.
APART = {"previous-names", "comes-after", "values-of-the-wrong-kind"}


@pytest.mark.parametrize("case", sorted({path.name for path in CASES.iterdir()} - APART))
def test_the_halves_of_a_project_say_what_the_whole_says(case: str, tmp_path: Path) -> None:
    sources = read(build_case(CASES / case, tmp_path))
    whole = verdict_of(check_sources(sources, env="default", variables={}, now=NOW), NOW)

    verdict = together(*(check_part(part, QUESTION) for part in halves(sources)))

    assert verdict is None or verdict == whole  # None: the whole is checked at once


def test_halves_that_have_nothing_to_do_with_each_other_count() -> None:
    pipeline = b"modules: [sales]\noutputs: [report]\n"
    texts = {
        "flowerpower.yaml": b"name: acme\n",
        "pipelines/sales.yaml": pipeline,
        "pipelines/other.yaml": b"name: stock\n" + pipeline,
        "schedules/a.yaml": b"pipeline: sales\nevery: 1h\nqueu: x\n",
        "schedules/b.yaml": b'pipeline: "stock" # it is\nevery: soon\n',
    }
    sources = Sources(texts, (), {"flows/sales.py": b"def report() -> int:\n    return 1\n"})
    parts = [check_part(part, QUESTION) for part in halves(sources)]

    assert [len(part.addresses) for part in parts] == [2, 2]
    assert together(*parts) == check_part(sources, QUESTION).verdict


@pytest.fixture
def large(tmp_path: Path) -> CommandLine:
    names = [("sales", "stock")[number % 2] for number in range(MANY)]
    files = {
        "flowerpower.yaml": "name: acme\n",
        "pipelines/sales.yaml": "modules: [sales]\noutputs: [report]\n",
        "pipelines/stock.yaml": "modules: [sales]\noutputs: [report]\n",
        "flows/sales.py": "def report() -> int:\n    return 1\n",
        **{f"schedules/s{number}.yaml": f"pipeline: {name}\nevery: 1h\n" for number, name in enumerate(names)},
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return CommandLine(tmp_path)


def test_a_large_project_is_checked_as_a_small_one_is(large: CommandLine) -> None:
    answer = large("validate", "--no-cache")

    assert (answer.code, answer.out) == (0, f"acme.default is valid: 2 pipelines, {MANY:,} schedules.\n")

    (large.folder / "schedules/s100.yaml").write_text("pipeline: slaes\nevery: 1h\n")
    (large.folder / "schedules/s101.yaml").write_text("pipeline: sales\nevery: soon\n")
    wrong = large("validate", "--no-cache")

    assert wrong.code == 1
    assert [line.partition(" error ")[0] for line in wrong.out.splitlines()[::2]] == [
        "schedules/s100.yaml:1:11:",
        "schedules/s101.yaml:2:8:",
    ]

    (large.folder / "schedules/s101.yaml").write_text("name: s100\npipeline: sales\nevery: 1h\n")
    twice = large("validate", "--no-cache")

    assert "FP110: the schedule 's100' is also in schedules/s100.yaml:1:1" in twice.out

    (large.folder / "schedules/s100.yaml").write_text("pipeline: stock\nevery: 1h\nafter: [s101]\n")
    (large.folder / "schedules/s101.yaml").write_text("pipeline: sales\nevery: 1h\nafter: [s100]\n")
    circle = large("validate", "--no-cache")

    assert "FP310: these schedules wait for each other: s100 after s101 after s100" in circle.out


def test_a_large_project_is_checked_in_each_environment(large: CommandLine) -> None:
    good = "pipeline: sales\nevery: 1h\n"
    large.write("flowerpower.yaml", "name: acme\nenvironments: {prod: {}, dev: {queues: {other: {}}}, idle: {}}\n")
    large.write("schedules/s100.yaml", good + "environments: {prod: {every: soon}, dev: {queue: other}}\n")
    large.write("schedules/s101.yaml", "pipeline: stock\nevery: 1h\nenvironments: {prod: {cron: 61 * * * *}}\n")

    wrong = large("validate", "--no-cache")

    found = [line for line in wrong.out.splitlines() if " error " in line]
    assert wrong.err.endswith(" files; 4 environments checked.\n")
    assert [line.partition(" error ")[0] for line in found if "in environment 'prod'" in line] == [
        "schedules/s100.yaml:3:30:",
        "schedules/s101.yaml:3:29:",
    ]
    in_dev = [line for line in found if "in environment 'dev'" in line]
    assert len(in_dev) == len(found) - 2 == MANY - 1
    assert all("FP302: the queue 'default' is not declared" in line for line in in_dev)
