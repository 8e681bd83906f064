"""The template is one for copier too: it makes the bytes that `init` makes, and updates projects of both."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy, run_update
from plumbum import local

from flowerpower import __version__
from flowerpower.errors import FlowerPowerError
from flowerpower.scaffold import QUESTIONS, Answers, init

SOURCE = "gh:flowerpower-gitops/flowerpower"
ADDRESS = "https://github.com/flowerpower-gitops/flowerpower.git"
ANSWERS = [
    Answers("acme"),
    Answers("yes", "github", compose=False, timezone="Etc/GMT+5", folder="2026-11-26"),  # what YAML wants in quotes
    Answers("acme-2", "gitlab", timezone="Europe/Berlin", folder="jobs/数据 + more"),
    Answers("acme", "gitlab", compose=False),
    Answers("none", "none"),
    Answers("acme", "none", compose=False, folder="jobs"),
]


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def release(template: Path, version: str) -> None:
    git(template, "add", "--all")
    git(template, "commit", "--quiet", f"--message={version}")
    git(template, "tag", version)


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Iterator[Path]:
    """A repository with the template, released as this version, which git takes for the one on GitHub."""
    folder = tmp_path / "template"
    shutil.copytree(checkout / "project_template", folder / "project_template", symlinks=True)
    shutil.copytree(checkout / "schemas", folder / "schemas")
    shutil.copy(checkout / "copier.yml", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    release(folder, f"v{__version__}")
    with local.env(  # where copier's git looks; it took its environment when it was imported
        GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0=f"url.{folder.as_uri()}.insteadOf", GIT_CONFIG_VALUE_0=ADDRESS
    ):
        yield folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("template")
def test_copier_makes_the_bytes_that_init_makes_for_every_choice(tmp_path: Path) -> None:
    for number, answers in enumerate(ANSWERS):
        made, copied = tmp_path / f"made-{number}", tmp_path / f"copied-{number}"
        init(made, answers)

        run_copy(SOURCE, copied, data=asdict(answers), quiet=True)

        assert contents(copied) == contents(made), answers

    assert {(each.ci, each.compose) for each in ANSWERS} == set(product(("github", "gitlab", "none"), (True, False)))


def test_copier_asks_the_same_questions(checkout: Path) -> None:
    asked: dict[str, Any] = yaml.safe_load((checkout / "copier.yml").read_text(encoding="utf-8"))
    likely = {field.name: field.default for field in fields(Answers) if field.name != "name"}

    assert {name: asked[name]["help"] for name in asked if "help" in asked[name]} == QUESTIONS
    assert {name: asked[name]["default"] for name in likely} == likely
    assert asked["ci"]["choices"] == ["github", "gitlab", "none"]
    assert asked["version"] == {"type": "str", "default": __version__, "when": False}


def test_nothing_of_the_template_asks_for_trust(checkout: Path) -> None:
    asked = yaml.safe_load((checkout / "copier.yml").read_text(encoding="utf-8"))

    assert asked.keys() & {"_tasks", "_migrations", "_jinja_extensions"} == set()


@pytest.mark.usefixtures("template")
def test_copier_refuses_what_init_refuses(tmp_path: Path) -> None:
    for name, answer, said in [
        ("name", "true", "'name': at most 63"),
        ("folder", 'a"b', "'folder': a path such as"),
        ("timezone", "x y", "'timezone': a name such as"),
    ]:
        with pytest.raises(FlowerPowerError):
            init(tmp_path / "made", **{"name": "acme", name: answer})
        with pytest.raises(ValueError, match=said):
            run_copy(SOURCE, tmp_path / "copied", data={"name": "acme", name: answer}, defaults=True, quiet=True)


@pytest.mark.usefixtures("template")
def test_without_a_word_copier_names_the_project_after_its_folder(tmp_path: Path) -> None:
    run_copy(SOURCE, tmp_path / "Night Jobs", defaults=True, quiet=True)

    assert contents(tmp_path / "Night Jobs")["flowerpower.yaml"].count(b"\nname: night-jobs ") == 1


def test_an_update_brings_the_new_template_and_keeps_what_people_wrote(template: Path, tmp_path: Path) -> None:
    project = tmp_path / "acme"
    init(project, Answers("acme", "gitlab", compose=False, timezone="Asia/Tokyo"))
    schedule = project / "schedules/licences_hourly.yaml"
    schedule.write_text(schedule.read_text().replace('cron: "0 * * * *"', "every: 2h"))
    (project / "flows/licences.py").unlink()
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=ours")
    for path, old, new in [
        ("schedules/licences_hourly.yaml", "# paused: true", "# paused: true # for a while"),
        ("flowerpower.yaml.jinja", "# The project.", "# The project [[ name ]]."),
        ("Dockerfile", "python:3.13", "python:3.14"),
    ]:
        file = template / "project_template" / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    (template / "project_template/NEW.md").write_text("new\n")
    release(template, "v99.0.0")

    run_update(project, defaults=True, overwrite=True, quiet=True)

    assert "every: 2h" in schedule.read_text()
    assert "# paused: true # for a while" in schedule.read_text()
    assert "# The project acme." in (project / "flowerpower.yaml").read_text()
    assert "timezone: Asia/Tokyo" in (project / "flowerpower.yaml").read_text()
    assert "_commit: v99.0.0" in (project / ".copier-answers.yml").read_text()
    assert (project / "NEW.md").is_file()
    assert not (project / "Dockerfile").exists()
    assert not (project / "flows/licences.py").exists()
    assert "UU" not in git(project, "status", "--porcelain")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=updated")

    run_update(project, data={"ci": "github"}, defaults=True, overwrite=True, quiet=True)

    assert (project / ".github/workflows/flowerpower.yml").is_file()
    assert not (project / ".gitlab-ci.yml").exists()
    assert "every: 2h" in schedule.read_text()
