from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from flowerpower.errors import FlowerPowerError, ProjectNotFoundError
from flowerpower.specs.files.sources import find_project, read

FILES = {
    "flowerpower.yaml": "name: acme\nmodules: [flows, ./lib/]\n",
    "pipelines/a.yaml": "modules: [sales]\n",
    "pipelines/deep/er/b.yml": "x: 1\n",
    "pipelines/notes.txt": "no spec",
    "schedules/.hidden/c.yaml": "x: 1\n",
    "flows/sales.py": "def a() -> int: return 1\n",
    "flows/package/__init__.py": "",
    "flows/__pycache__/sales.py": "",
    "lib/more.py": "",
    "other/unused.py": "",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "repo" / "acme", FILES)


SPECS = ["flowerpower.yaml", "pipelines/a.yaml", "pipelines/deep/er/b.yml"]
MODULES = ["flows/package/__init__.py", "flows/sales.py", "lib/more.py"]


def test_a_folder_gives_specs_and_modules(project: Path) -> None:
    sources = read(project)

    assert list(sources.texts) == SPECS
    assert list(sources.modules) == MODULES
    assert sources.problems == ()


def test_a_git_revision_gives_the_same_without_a_checkout(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project.parent, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "first")
    before = read(project)
    write(project, {"pipelines/a.yaml": "changed: 1\n", "pipelines/new.yaml": "x: 1\n"})
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as inside a hook

    assert read(project, "HEAD") == before
    assert read(project, "HEAD") != read(project)


def test_a_revision_that_is_not_there_is_said_to_be_missing(project: Path) -> None:
    with pytest.raises(FlowerPowerError, match="not in a git repository"):
        read(project, "main")
    git(project, "init", "-q")
    with pytest.raises(FlowerPowerError, match="no revision 'nowhere'"):
        read(project, "nowhere")
    with pytest.raises(FlowerPowerError, match="not a git revision"):
        read(project, "--upload-pack=x")


@pytest.mark.parametrize("path", ["schedules", "schedules/crm"])
def test_a_submodule_of_specs_that_is_not_there_is_an_error_and_no_empty_folder(project: Path, path: str) -> None:
    repository = project.parent
    other = write(repository.parent / "crm", {"contacts.yaml": "pipeline: a\n"})
    for folder in (other, repository):
        git(folder, "init", "-q")
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-qm", "first")
    git(project, "rm", "-rqf", "schedules")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", "--force", str(other), f"acme/{path}")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    assert read(project).problems == ()

    git(repository, "submodule", "deinit", "-q", "--force", "--all")

    for found in (read(project), read(project, "HEAD")):
        assert [(problem.code, problem.place.file) for problem in found.problems] == [("FP023", path)]


@pytest.mark.parametrize(("path", "modules"), [("flows", "[flows]"), ("libs", "[libs/flows, code]")])
def test_a_submodule_of_modules_that_is_not_there_says_so(project: Path, path: str, modules: str) -> None:
    other = write(project.parent.parent / "lib", {"flow.py": "x = 1\n", "flows/flow.py": "x = 1\n"})
    repository = project.parent
    write(project, {"flowerpower.yaml": f"name: acme\nmodules: {modules}\n"})
    for folder in (other, repository):
        git(folder, "init", "-q")
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-qm", "first")
    git(project, "rm", "-rqf", "--ignore-unmatch", path)
    for place in (path, "docs"):
        add = ("submodule", "add", "-q", "--force", str(other), f"acme/{place}")
        git(repository, "-c", "protocol.file.allow=always", *add)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "second")
    assert read(project).problems == ()

    git(repository, "submodule", "deinit", "-q", "--force", "--all")

    for found in (read(project), read(project, "HEAD")):
        assert [(problem.code, problem.place.file) for problem in found.problems] == [("FP023", path)]


def test_an_empty_folder_is_no_problem(project: Path) -> None:
    (project / "schedules/empty").mkdir(parents=True)
    write(project, {".gitmodules": '[submodule "x"]\n\tpath = elsewhere\n'})

    assert read(project).problems == ()


def test_files_that_cannot_be_used_are_problems(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    (project / "pipelines/out.yaml").symlink_to(tmp_path / "secret.yaml")
    (project / "pipelines/inside.yaml").symlink_to(project / "pipelines/a.yaml")
    (project / "pipelines/loop.yaml").symlink_to(project / "pipelines/loop.yaml")
    (project / "pipelines/gone.yaml").symlink_to(project / "pipelines/nothing.yaml")
    (project / "pipelines/large.yaml").write_bytes(b"a" * (1024 * 1024 + 1))
    os.mkfifo(project / "pipelines/pipe.yaml")

    sources = read(project)

    assert [(problem.place.file, problem.code) for problem in sources.problems] == [
        ("pipelines/gone.yaml", "FP001"),
        ("pipelines/large.yaml", "FP002"),
        ("pipelines/loop.yaml", "FP001"),
        ("pipelines/out.yaml", "FP005"),
        ("pipelines/pipe.yaml", "FP001"),
    ]
    assert "pipelines/inside.yaml" in sources.texts
    assert b"hunter2" not in b"".join(sources.texts.values())


def test_a_folder_that_links_outside_is_a_problem(project: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"a.yaml": "x: 1\n"})
    (project / "schedules/.hidden/c.yaml").unlink()
    (project / "schedules/.hidden").rmdir()
    (project / "schedules").rmdir()
    (project / "schedules").symlink_to(tmp_path / "elsewhere")

    assert [problem.code for problem in read(project).problems] == ["FP005"]


def test_a_link_to_a_folder_of_specs_is_told_and_one_among_modules_is_not(project: Path) -> None:
    (project / "pipelines" / "more").symlink_to(project / "pipelines" / "deep")
    (project / "flows" / "data").symlink_to(project / "other")

    sources = read(project)

    assert [(problem.place.file, problem.code) for problem in sources.problems] == [("pipelines/more", "FP005")]
    assert list(sources.texts) == SPECS
    assert list(sources.modules) == MODULES


def test_a_link_in_a_git_revision_is_not_followed(project: Path) -> None:
    (project / "pipelines/link.yaml").symlink_to("a.yaml")
    git(project, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "first")

    sources = read(project, "HEAD")

    assert [(problem.place.file, problem.code) for problem in sources.problems] == [("pipelines/link.yaml", "FP005")]


def test_file_names_that_are_not_utf_8_are_problems_and_odd_ones_are_not(project: Path) -> None:
    os.close(os.open(os.fsencode(project) + b"/pipelines/\xff.yaml", os.O_CREAT))
    (project / "pipelines" / "new\nline.yaml").write_text("x: 1\n")
    git(project, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "first")

    for sources in (read(project), read(project, "HEAD")):
        assert [problem.code for problem in sources.problems] == ["FP008"]
        assert str(sources.problems[0]).isprintable()
        assert "pipelines/new\nline.yaml" in sources.texts


def test_folders_of_modules_outside_the_project_are_not_read(project: Path) -> None:
    write(project.parent, {"evil/x.py": ""})
    write(project, {"flowerpower.yaml": "name: acme\nmodules: [../evil, /etc, 5, other]\n"})

    assert list(read(project).modules) == ["other/unused.py"]


def test_where_a_variable_names_the_folder_every_module_is_read(project: Path) -> None:
    write(project, {"flowerpower.yaml": "name: acme\nmodules: ['${var:X}']\n"})

    assert list(read(project).modules) == [*MODULES, "other/unused.py"]


def test_the_project_is_found_from_a_folder_in_it(project: Path) -> None:
    assert find_project(project / "pipelines" / "deep") == project


def test_the_search_for_a_project_stops_at_the_git_root(project: Path) -> None:
    nested = write(project / "nested", {"file": "x"})
    git(nested, "init", "-q")

    with pytest.raises(ProjectNotFoundError, match=r"no flowerpower\.yaml"):
        find_project(nested)


def test_a_missing_folder_is_a_missing_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFoundError):
        read(tmp_path / "nothing")


def test_a_file_that_looks_like_a_spec_is_told_of_in_a_revision_too(project: Path) -> None:
    write(project, {"schedules/nightly.YML": "x: 1\n", "schedules/notes.txt": "x"})
    git(project, "init", "-q")
    git(project, "add", "-A", "-f")
    git(project, "commit", "-qm", "first")

    for sources in (read(project), read(project, "HEAD")):
        assert [(problem.place.file, problem.code, problem.severity) for problem in sources.problems] == [
            ("schedules/nightly.YML", "FP022", "warning")
        ]
