"""What earlier checks have left is of use to a later one, and changes nothing that it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.odd_files import build_case

import flowerpower
from flowerpower.memory import Memory
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.files.cache import VerdictCache
from flowerpower.specs.files.sources import Sources, read
from flowerpower.specs.verdict import Question, Verdict

CASES = Path(__file__).parents[2] / "cases" / "specs"
NOW = 1_800_000_000
ASKED = Question("default", {}, NOW)
PROJECT = {
    "flowerpower.yaml": b"name: acme\n",
    "pipelines/sales.yaml": b"modules: [sales]\noutputs: [report]\n",
    **{f"schedules/s{number}.yaml": b"pipeline: sales\nevery: 1h\n" for number in range(4)},
}
SOURCES = Sources(PROJECT, (), {"flows/sales.py": b"def report() -> int:\n    return 1\n"})


@pytest.fixture
def cache(tmp_path: Path) -> VerdictCache:
    return VerdictCache(tmp_path / "cache")


def remembering(cache: VerdictCache, sources: Sources, question: Question = ASKED) -> Verdict:
    return Memory(cache, question, lambda: (sources, 0)).verdict


def anew(sources: Sources, question: Question = ASKED) -> Verdict:
    loaded = check_sources(sources, env=question.env, variables=question.variables, now=question.now)
    return verdict_of(loaded, question.now)


def edited(text: bytes, sources: Sources = SOURCES) -> Sources:
    return sources._replace(texts={**sources.texts, "schedules/s1.yaml": text})


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_project_with_any_mistake_is_told_of_it_after_an_edit(case: str, tmp_path: Path, cache: VerdictCache) -> None:
    sources = read(build_case(CASES / case, tmp_path / "project"))
    with_one_more = edited(b"pipeline: sales\nevery: 1h\n", sources)

    for each in (sources, with_one_more, sources, with_one_more):
        said = remembering(cache, each)
        assert (said.problems, said.pipelines, said.schedules) == (
            anew(each).problems,
            anew(each).pipelines,
            anew(each).schedules,
        )


@pytest.mark.parametrize(
    ("flags", "settings"), [([], {}), (["--no-cache"], {}), ([], {"PYTHONDONTWRITEBYTECODE": "1"})]
)
def test_a_good_edit_loads_neither_pydantic_nor_dataclasses_nor_the_exact_reader_and_a_bad_one_is_told_all_the_same(
    tmp_path: Path, flags: list[str], settings: dict[str, str]
) -> None:
    for name, text in {**PROJECT, **SOURCES.modules}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)

    def validate(text: str) -> tuple[str, bool]:
        (tmp_path / "schedules/s1.yaml").write_text(text)
        program = (
            f"import sys\nfrom flowerpower.cli.hook import check_plainly\ncode = check_plainly({flags})\n"
            "print(code, not {'pydantic', 'dataclasses', 'flowerpower.specs.text.composer'}.isdisjoint(sys.modules))"
        )
        environment = {
            "FLOWERPOWER_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONPATH": str(_CHECKOUT),
            "PYTHONPYCACHEPREFIX": str(tmp_path / "byte code"),
            **settings,
        }
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        told, _, last = done.stdout.rstrip().rpartition("\n")
        return told, last.endswith("True")

    valid = "acme.default is valid: 1 pipeline, 4 schedules."

    assert validate("pipeline: sales\nevery: 2h\n") == (valid, True)
    assert validate("pipeline: sales\nevery: 3h\n") == (valid, False)
    assert validate("pipeline: sales\nevery: soon\n")[0].startswith("schedules/s1.yaml:2:8: error FP106")
    assert validate("pipeline: sales\nevery: 4h\n") == (valid, False)
    assert (tmp_path / "cache").exists() == (not flags)


_CHECKOUT = Path(flowerpower.__file__).parents[1]


def test_what_is_kept_of_files_and_is_damaged_changes_no_answer(tmp_path: Path, cache: VerdictCache) -> None:
    remembering(cache, SOURCES)
    kept = {entry: entry.read_bytes() for entry in (tmp_path / "cache").iterdir()}
    wrong = edited(b"pipeline: slaes\nevery: 1h\n")

    for damage in (lambda text: b"", lambda text: text[:-5], lambda text: text.replace(b"s", b"z"), _with_other_values):
        for entry, text in kept.items():
            entry.write_bytes(damage(text))
        for sources in (edited(b"pipeline: sales\nevery: 2h\n"), wrong):
            assert remembering(cache, sources).problems == anew(sources).problems


def _with_other_values(text: bytes) -> bytes:
    """Return an entry whose digest is right and whose content is of another form."""
    import hashlib

    other = json.dumps([1, [], [["schedules/s1.yaml", 5]], {"verdict": 1}]).encode()
    return hashlib.sha256(other).hexdigest().encode() + b"\n" + other


def test_other_modules_or_another_project_file_make_all_files_unknown(cache: VerdictCache) -> None:
    remembering(cache, SOURCES)
    without = SOURCES._replace(modules={"flows/sales.py": b"def total() -> int:\n    return 1\n"})
    elsewhere = SOURCES._replace(texts={**PROJECT, "flowerpower.yaml": b"name: acme\nqueues: {heavy: {}}\n"})

    assert {problem.code for problem in remembering(cache, without).problems} == {"FP320"}
    assert {problem.code for problem in remembering(cache, elsewhere).problems} == {"FP302"}
