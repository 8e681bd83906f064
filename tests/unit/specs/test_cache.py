from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowerpower import version
from flowerpower.specs.checks import check_sources, verdict_of
from flowerpower.specs.files.cache import _DECIDING, VerdictCache
from flowerpower.specs.files.folder import module_folders
from flowerpower.specs.files.sources import read
from flowerpower.specs.verdict import Ending, Question, Verdict

NOW = 1_800_000_000
FILES = {
    "flowerpower.yaml": "name: acme\n",
    "pipelines/sales.yaml": "modules: [sales]\noutputs: [report]\n",
    "schedules/nightly.yaml": "pipeline: slaes\ncron: '@daily'\n",
    "flows/sales.py": "def report() -> int:\n    return 1\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "acme" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "acme" / name).write_text(text)
    return tmp_path / "acme"


@pytest.fixture
def cache(tmp_path: Path) -> VerdictCache:
    return VerdictCache(tmp_path / "cache")


def question(project: Path) -> Question:
    return Question("default", {}, NOW, str(project))


def of_unchanged_folder(cache: VerdictCache, question: Question) -> Verdict | None:
    key = cache.unchanged(question)
    return cache.verdict(key, question) if key else None


def check_and_keep(cache: VerdictCache, project: Path, *, settled: bool = True) -> Verdict:
    """Check as a command would that comes long after the files were written, or at once."""
    sources = read(project)
    verdict = verdict_of(check_sources(sources, env="default", variables={}, now=NOW), NOW)
    read_at = time.time_ns() + settled * 3_600_000_000_000
    cache.keep(question(project), sources, module_folders(sources.texts), verdict, read_at)
    return verdict


def test_a_verdict_is_recalled_whole_by_content_and_by_an_unchanged_folder(project: Path, cache: VerdictCache) -> None:
    verdict = check_and_keep(cache, project)

    assert [problem.code for problem in verdict.problems] == ["FP301"]
    assert of_unchanged_folder(cache, question(project)) == verdict
    assert cache.of_content(question(project), read(project)) == verdict


@pytest.mark.parametrize("other", [{"env": "prod"}, {"variables": {"A": "b"}}, {"root": "/elsewhere"}])
def test_another_question_has_another_answer(project: Path, cache: VerdictCache, other: dict[str, object]) -> None:
    check_and_keep(cache, project)

    assert of_unchanged_folder(cache, question(project)._replace(**other)) is None  # type: ignore[arg-type]


def edit_unseen(file: Path) -> None:
    """Change a file and leave its size and the time of its last change as they were."""
    before = file.stat()
    file.write_text(file.read_text().replace("slaes", "sales"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited, with size and time as before": lambda project: edit_unseen(project / "schedules" / "nightly.yaml"),
    "new": lambda project: (project / "pipelines" / "new.yaml").write_text("x: 1\n"),
    "new in a new folder": lambda project: (
        (project / "flows" / "deep").mkdir() or (project / "flows/deep/x.py").touch()
    ),
    "gone": lambda project: (project / "flows" / "sales.py").unlink(),
    "renamed": lambda project: (project / "pipelines/sales.yaml").rename(project / "pipelines/other.yaml"),
    "exchanged": lambda project: (project / "pipelines/sales.yaml").rename(project / "schedules/nightly.yaml"),
    "a link": lambda project: (project / "pipelines" / "link.yaml").symlink_to("sales.yaml"),
    "touched": lambda project: os.utime(project / "flows" / "sales.py"),
    "other rights": lambda project: (project / "flowerpower.yaml").chmod(0o600),
    "odd": lambda project: os.mkfifo(project / "pipelines" / "pipe.yaml"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_with_a_file_that_was_changed_is_not_an_unchanged_one(
    change: str, project: Path, cache: VerdictCache
) -> None:
    check_and_keep(cache, project)

    CHANGES[change](project)

    assert of_unchanged_folder(cache, question(project)) is None


def test_a_folder_with_a_link_is_always_read(project: Path, cache: VerdictCache) -> None:
    (project / "pipelines" / "link.yaml").symlink_to("sales.yaml")
    check_and_keep(cache, project)

    assert of_unchanged_folder(cache, question(project)) is None


def test_another_flowerpower_or_another_package_beside_it_checks_anew(
    project: Path, tmp_path: Path, cache: VerdictCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = check_and_keep(cache, project)
    with monkeypatch.context() as patch:
        patch.setattr(version, "__version__", "99.0")
        assert cache.of_content(question(project), read(project)) is None
    with monkeypatch.context() as patch:
        (tmp_path / "more" / "tzdata-2099.1.dist-info").mkdir(parents=True)
        patch.syspath_prepend(tmp_path / "more")
        assert of_unchanged_folder(cache, question(project)) is None

    assert of_unchanged_folder(cache, question(project)) == verdict


def test_files_that_have_just_been_written_are_not_trusted_to_show_a_change(project: Path, cache: VerdictCache) -> None:
    verdict = check_and_keep(cache, project, settled=False)

    assert of_unchanged_folder(cache, question(project)) is None
    assert cache.of_content(question(project), read(project)) == verdict


def test_any_other_byte_is_another_content(project: Path, cache: VerdictCache) -> None:
    check_and_keep(cache, project)

    for name, text in FILES.items():
        (project / name).write_text(f"{text}\n")
        assert cache.of_content(question(project), read(project)) is None
        (project / name).write_text(text)


def test_a_schedule_that_ends_meanwhile_makes_the_verdict_old(project: Path, cache: VerdictCache) -> None:
    (project / "schedules/nightly.yaml").write_text("pipeline: sales\nat: 2027-01-16T00:00:00\n")
    verdict = check_and_keep(cache, project)

    assert verdict.endings == (Ending(verdict.endings[0].trigger, NOW + 57_600),)
    assert [verdict.holds(now) for now in (NOW - 1, NOW, NOW + 57_599, NOW + 57_600)] == [False, True, True, False]
    assert of_unchanged_folder(cache, question(project)._replace(now=NOW + 57_600)) is None


def damaged(content: bytes) -> list[bytes]:
    flipped = [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in range(0, len(content), 7)]
    return [b"", b"\n", content[:-1], content + b" ", b"\xff" * 50, *flipped]


def test_a_damaged_entry_is_no_entry(project: Path, tmp_path: Path, cache: VerdictCache) -> None:
    verdict = check_and_keep(cache, project)

    for entry in sorted((tmp_path / "cache").iterdir()):
        whole = entry.read_bytes()
        for wrong in damaged(whole):
            entry.write_bytes(wrong)
            assert of_unchanged_folder(cache, question(project)) is None
        entry.write_bytes(whole)
    assert of_unchanged_folder(cache, question(project)) == verdict


def test_a_folder_that_cannot_be_written_is_as_good_as_none(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing"), None):
        cache = VerdictCache(folder)
        check_and_keep(cache, project)
        assert of_unchanged_folder(cache, question(project)) is None


def test_the_cache_does_not_grow_for_ever(project: Path, tmp_path: Path, cache: VerdictCache) -> None:
    (tmp_path / "cache").mkdir()
    for number in range(300):
        (tmp_path / "cache" / f"{number}").touch()
        os.utime(tmp_path / "cache" / f"{number}", (number, number))

    verdict = check_and_keep(cache, project)

    assert len(list((tmp_path / "cache").iterdir())) == 200
    assert of_unchanged_folder(cache, question(project)) == verdict


def test_all_code_that_an_answer_depends_on_counts() -> None:
    """What the deciding parts of flowerpower import decides, too: else an edit of it would leave old answers."""
    package = Path(version.__file__).parent
    parts = [part for part in _DECIDING if not part.endswith(".py")]
    texts = [file.read_text(encoding="utf-8") for part in parts for file in (package / part).rglob("*.py")]

    imported = {name for text in texts for name in re.findall(r"from flowerpower\.(\w+)", text)}

    assert {f"{name}.py" if (package / f"{name}.py").exists() else name for name in imported} <= set(_DECIDING)
