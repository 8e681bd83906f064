"""Spec files on disk: which are found, and how they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.errors import UsageError
from flowerpower.formatting import files_of_project, named_files, write
from flowerpower.scaffold import init, new_pipeline, new_schedule

UNTIDY = b"pipeline:   licences\nevery:  1h\n"
TIDY = b"pipeline: licences\nevery: 1h\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    init(tmp_path / "acme")
    (tmp_path / "acme" / "schedules" / "untidy.yaml").write_bytes(UNTIDY)
    return tmp_path / "acme"


def test_what_init_and_new_write_is_in_the_canonical_layout(tmp_path: Path) -> None:
    init(tmp_path)
    new_pipeline(tmp_path, "sales")
    new_schedule(tmp_path, "nightly", pipeline="sales")

    files = list(files_of_project(tmp_path))

    assert len(files) == 5
    assert [file.shown for file in files if file.changed or file.problems] == []


def test_a_file_is_replaced_whole_and_keeps_its_mode(project: Path) -> None:
    path = project / "schedules" / "untidy.yaml"
    path.chmod(0o640)
    before = path.stat().st_ino

    assert [write(file) for file in files_of_project(project) if file.changed] == [None]

    assert path.read_bytes() == TIDY
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_ino != before  # another file under the same name: nobody can read half of it
    assert sorted(file.name for file in path.parent.iterdir()) == ["licences_hourly.yaml", "untidy.yaml"]


def test_a_link_stays_a_link_and_its_target_is_formatted(project: Path) -> None:
    link = project / "schedules" / "link.yml"
    link.symlink_to("untidy.yaml")

    assert [write(file) for file in files_of_project(project) if file.changed] == [None, None]

    assert link.is_symlink()
    assert link.read_bytes() == TIDY


def test_a_link_out_of_the_project_is_left_alone(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_bytes(UNTIDY)
    link = project / "schedules" / "link.yaml"
    link.symlink_to(tmp_path / "outside.yaml")

    (file,) = named_files([link])

    assert [problem.what for problem in file.problems] == ["the file is a link that leaves the project"]
    assert not file.changed


def test_a_file_that_changed_meanwhile_is_not_overwritten(project: Path) -> None:
    path = project / "schedules" / "untidy.yaml"
    (file,) = named_files([path])
    path.write_bytes(b"pipeline: other\n")

    problem = write(file)

    assert problem is not None
    assert problem.what == "it was changed while it was being formatted"
    assert path.read_bytes() == b"pipeline: other\n"


def test_a_file_that_cannot_be_written_is_a_problem(project: Path) -> None:
    (file,) = named_files([project / "schedules" / "untidy.yaml"])
    file.path.unlink()

    problem = write(file)

    assert problem is not None
    assert problem.what == "it cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("flows/licences.py", "is no spec file"),
        (".pre-commit-config.yaml", "is no spec file"),
        ("pipelines/none.yaml", "does not exist"),
        ("../elsewhere.yaml", "belongs to no project"),
    ],
)
def test_a_name_that_is_no_spec_is_refused_before_anything_is_read(project: Path, name: str, why: str) -> None:
    (project.parent / "elsewhere.yaml").write_text("a: 1\n")

    with pytest.raises(UsageError, match=why):
        next(named_files([project / "schedules/untidy.yaml", project / name]))


def test_a_workflow_of_the_same_name_is_no_project(project: Path) -> None:
    CommandLine(project).git("init", "--quiet")
    workflow = project / ".github/workflows/flowerpower.yml"

    with pytest.raises(UsageError, match="hidden folder"):
        next(named_files([workflow]))


def test_a_hook_passes_over_what_is_no_spec(project: Path) -> None:
    names = [project / "schedules/untidy.yaml", project / "flows/licences.py", project / "gone.yaml"]

    assert [file.path.name for file in named_files(names, skip_others=True)] == ["untidy.yaml"]


def test_a_folder_stands_for_the_specs_below_it(project: Path) -> None:
    names = [file.path.name for file in named_files([project / "schedules"])]

    assert names == ["licences_hourly.yaml", "untidy.yaml"]
