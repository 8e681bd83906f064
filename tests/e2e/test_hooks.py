"""The hooks that we offer, as pre-commit installs and runs them in a repository with a project in a subfolder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from flowerpower.scaffold import init

NO_PACKAGES = ("Could not find a version", "No matching distribution", "Failed to establish", "name resolution")
REMOTE = re.compile(r"repo: https://\S+\n(\s+)rev: \S+.*")


def run(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    dropped = ("PYTHONPATH", "PRE_COMMIT", "GIT_", "VIRTUAL_ENV", "FLOWERPOWER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    author = {f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", **author, **(environment or {})}
    kept |= {"PIP_COMPILE": "0"}  # Python compiles what is imported, a tenth of what is installed
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, check=False, timeout=300)


def released(checkout: Path, target: Path) -> str:
    """Commit the files of the checkout, as they are, to a repository of their own, and return the commit."""
    listed = run(checkout, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in listed.split("\0")[:-1]:
        if (checkout / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, target / name)
    run(target, "git", "init", "--quiet")
    run(target, "git", "add", "--all")
    run(target, "git", "commit", "--quiet", "--message=release")
    return run(target, "git", "rev-parse", "HEAD").stdout.strip()


class Repository:
    """A repository whose commits go through the hooks of docs/pre-commit.md."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder / "work"
        self.home = {"PRE_COMMIT_HOME": str(folder / "pre-commit")}
        (folder / "release").mkdir()
        commit = released(checkout, folder / "release")
        init(self.folder / "jobs")
        (self.folder / "jobs" / ".pre-commit-config.yaml").unlink()
        (config,) = re.findall(r"```yaml\n(.*?)```", (checkout / "docs/pre-commit.md").read_text(), re.DOTALL)
        config = REMOTE.sub(rf"repo: file://{folder / 'release'}\n\1rev: {commit}", config)
        (self.folder / ".pre-commit-config.yaml").write_text(config)
        run(self.folder, "git", "init", "--quiet")
        self.pre_commit("install")

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pre-commit with a home of its own."""
        return run(self.folder, sys.executable, "-m", "pre_commit", *arguments, environment=self.home)

    def commit(self) -> tuple[bool, str]:
        """Commit everything; return whether the hooks let it pass, and what they said."""
        run(self.folder, "git", "add", "--all")
        done = run(self.folder, "git", "commit", "--message=change", environment=self.home)
        return done.returncode == 0, done.stdout + done.stderr


def test_the_manifest_is_valid(checkout: Path) -> None:
    done = run(checkout, sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml")

    assert (done.returncode, done.stderr) == (0, "")


def test_a_new_project_uses_the_flowerpower_of_its_environment(checkout: Path, tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "schedules/untidy.yaml").write_text("pipeline:   gone\nevery: 1h\n")
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "add", "--all")
    environment = {"PYTHONPATH": str(checkout), "PRE_COMMIT_HOME": str(tmp_path / ".home")}

    done = run(tmp_path, sys.executable, "-m", "pre_commit", "run", environment=environment)

    assert "schedules/untidy.yaml:1:13: error FP301: there is no pipeline 'gone'" in done.stdout
    assert "formatted schedules/untidy.yaml\n1 file formatted, 3 unchanged." in done.stdout


def test_the_full_hook_imports_the_modules(checkout: Path, tmp_path: Path) -> None:
    release, project = tmp_path / "release", tmp_path / "work"
    release.mkdir()
    commit = released(checkout, release)
    init(project)
    hooks = "[{id: flowerpower-validate-full}]"
    (project / ".pre-commit-config.yaml").write_text(f"repos: [{{repo: '{release}', rev: {commit}, hooks: {hooks}}}]\n")
    run(project, "git", "init", "--quiet")
    environment = {"PYTHONPATH": str(checkout), "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def said() -> str:
        run(project, "git", "add", "--all")
        return run(project, sys.executable, "-m", "pre_commit", "run", "--all-files", environment=environment).stdout

    assert "Passed" in said()
    with (project / "flows/licences.py").open("a") as module:
        module.write("import nothing_there\n")
    assert "error FP332: module 'licences' cannot be imported" in said()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_commits_pass_or_fail_as_the_documentation_says(checkout: Path, tmp_path: Path) -> None:
    repository = Repository(checkout, tmp_path)
    run(repository.folder, "git", "add", ".pre-commit-config.yaml")
    installed = repository.pre_commit("install-hooks")
    if installed.returncode and any(reason in installed.stdout for reason in NO_PACKAGES):
        pytest.skip(f"the packages that the hooks need cannot be had: {installed.stdout[-300:]}")
    assert installed.returncode == 0, installed.stdout
    schedule = repository.folder / "jobs/schedules/licences_hourly.yaml"
    good = schedule.read_text()

    passed, said = repository.commit()
    assert passed, said
    assert "flowerpower validate" in said
    assert "Passed" in said

    schedule.write_text(good.replace("0 * * * *", "0 25 * * *"))
    passed, said = repository.commit()
    assert not passed
    assert "jobs/schedules/licences_hourly.yaml:5:7: error FP303" in said

    schedule.write_text(good.replace("pipeline: ", "pipeline:    "))
    passed, said = repository.commit()
    assert not passed
    assert "formatted jobs/schedules/licences_hourly.yaml" in said
    assert "files were modified by this hook" in said
    assert schedule.read_text() == good

    run(repository.folder, "git", "reset", "--quiet", "--hard")
    (repository.folder / "jobs/pipelines/licences.yaml").unlink()
    passed, said = repository.commit()
    assert not passed
    assert "jobs/schedules/licences_hourly.yaml:4:11: error FP301" in said
