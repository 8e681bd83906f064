"""The template is a test case of its own: what `init` makes works as it is, whatever was answered."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from support.command_line import CommandLine

from flowerpower.pipelines.run import RunContext, run_pipeline
from flowerpower.scaffold import Answers, init
from flowerpower.specs.files.sources import read
from flowerpower.specs.loader import load

ALL = [Answers("acme", ci, compose) for ci, compose in product(("github", "gitlab", "none"), (True, False))]
OF_CI = {"github": {".github/workflows/flowerpower.yml"}, "gitlab": {".gitlab-ci.yml"}, "none": set()}
OF_COMPOSE = {"compose.yaml", "Dockerfile", ".dockerignore", ".env.example"}
TELLS = {".copier-answers.yml", "README.md"}  # which differ with the answers


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Answers, CommandLine]]:
    """A new project under git for every choice."""
    root = tmp_path_factory.mktemp("made")
    projects = [(answers, CommandLine(root / f"{answers.ci}-{answers.compose}")) for answers in ALL]
    for answers, project in projects:
        init(project.folder, answers)
        project.git("init", "--quiet", "--initial-branch=main")
        project.commit()
    return projects


def contents(folder: Path) -> dict[str, bytes]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(".git/")}


def test_an_answer_decides_which_files_there_are_and_touches_no_other(made: list[tuple[Answers, CommandLine]]) -> None:
    shared = {name: text for name, text in contents(made[-1][1].folder).items() if name not in TELLS}

    for answers, project in made:
        files = contents(project.folder)
        assert files.keys() - shared.keys() - TELLS == OF_CI[answers.ci] | (OF_COMPOSE if answers.compose else set())
        assert {name: files[name] for name in shared} == shared
        told = set(re.findall(r"`(\S+?)/?`", files["README.md"].decode()))
        places = {name for name in ("compose.yaml", ".gitlab-ci.yml", ".github/workflows") if name in told}
        assert all((project.folder / name).exists() for name in places)
        assert len(places) == (answers.ci != "none") + answers.compose


def test_a_new_project_is_valid_tidy_and_applied_at_once(
    made: list[tuple[Answers, CommandLine]], redis_url: str
) -> None:
    for answers, project in made:
        assert project("validate", "--all").last == "acme.default is valid: 1 pipeline, 1 schedule.", answers
        assert project("fmt", "--all", "--check").code == 0, answers

    for _, project in (made[0], made[-1]):
        applied = project("apply", "--auto-approve", REDIS_URL=redis_url)

        assert applied.last == (
            "Apply complete: 2 added, 0 changed, 0 destroyed." if project is made[0][1] else "No changes."
        )
        assert project.git("status", "--porcelain") == ""


def test_the_hooks_of_a_new_project_pass(made: list[tuple[Answers, CommandLine]], tmp_path: Path) -> None:
    _, project = made[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path), "PATH": path}

    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--all-files"],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Passed") == 2


def test_the_pipeline_of_a_new_project_runs_and_saves_its_outputs(tmp_path: Path) -> None:
    init(tmp_path)
    loaded = load(read(tmp_path).texts, env="default", variables={})
    assert loaded.project is not None
    tick = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    context = RunContext(tick, tick, run_id="r1", schedule="licences_hourly", pipeline="licences")

    run_pipeline(loaded.project.pipelines["licences"], context, root=tmp_path, folders=loaded.project.spec.modules)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "licences-2026-11-22T0200.parquet",
        "licences-2026-11-22T0200.txt",
    ]
    report = pq.read_table(tmp_path / "out" / "licences-2026-11-22T0200.parquet")
    assert "apache-hamilton" in report["name"].to_pylist()


def test_the_containers_run_commands_that_there_are_as_nobody_in_particular_and_know_no_secret(tmp_path: Path) -> None:
    init(tmp_path)
    compose = yaml.safe_load((tmp_path / "compose.yaml").read_text())
    services, dockerfile = compose["services"], (tmp_path / "Dockerfile").read_text()

    for name in ("scheduler", "worker"):
        program, command = services[name]["command"].split()
        assert (program, CommandLine(tmp_path)(command, "--help").code) == ("flowerpower", 0)
        assert services[name]["environment"]["REDIS_URL"] == "redis://redis:6379"
    assert "noeviction" in services["redis"]["command"]
    assert "--appendonly yes" in services["redis"]["command"]
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", []))
    stages = dockerfile.split("\nFROM ")[1:]
    assert [re.findall(r"^USER (?!root)", stage, re.MULTILINE) for stage in stages] == [["USER "], ["USER "]]
    assert '"-j", "--disable-delete"' in stages[1]
    example = (tmp_path / ".env.example").read_text()
    assert re.findall(r"^(?!#)(\w+)=(.*)", example, re.MULTILINE) == [("WORKERS", "1"), ("FLOWERPOWER_ENV", "default")]
    for ignored in (".gitignore", ".dockerignore"):
        assert {".env", "out/", ".flowerpower/"} <= set((tmp_path / ignored).read_text().splitlines())
