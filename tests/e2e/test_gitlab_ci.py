"""The example for GitLab: its shape by GitLab's own schema, its scripts run by a shell against a fake GitLab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command_line import CommandLine, command_line
from support.fake_gitlab import PROJECT, fake_gitlab
from support.shells import environment_with_flowerpower

HEAD, MERGE = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def example() -> Path:
    return Path(__file__).parents[2] / "docs/gitlab/flowerpower.gitlab-ci.yml"


def test_the_example_is_a_valid_configuration(example: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([program, "--builtin-schema", "vendor.gitlab-ci", example], check=True, capture_output=True)


def test_the_page_shows_what_the_example_does(example: Path) -> None:
    page = example.parents[1].joinpath("gitlab.md").read_text(encoding="utf-8")
    shown, jobs = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0]), yaml.safe_load(example.read_text())

    for name, job in shown.items():
        assert set(job["script"]) <= set(jobs[name]["script"])


def run(job: dict[str, Any], line: CommandLine, environment: dict[str, str], part: str = "script") -> str:
    """Run the script of a job as a runner does, its variables set; return what it printed."""
    script = "\n".join(["set -eo pipefail", *job[part]])
    done = subprocess.run(
        ["bash", "-c", script], cwd=line.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_scripts_plan_comment_and_apply(example: Path, tmp_path: Path, redis_url: str) -> None:
    jobs = yaml.safe_load(example.read_text(encoding="utf-8"))
    line = command_line(tmp_path / "project", redis_url)
    with fake_gitlab() as gitlab:
        gitlab.add_request(5, HEAD)
        common = {**environment_with_flowerpower(tmp_path), **jobs["variables"], **gitlab.environment()}
        run(jobs["flowerpower-plan"], line, {**common, "PLAN_REDIS_URL": redis_url, "CI_COMMIT_SHA": HEAD})
        assert len(gitlab.notes) == 1

        planned = gitlab.notes[0]["body"]
        run(jobs["flowerpower-plan"], line, {**common, "CI_JOB_STATUS": "success"}, "after_script")
        assert gitlab.notes[0]["body"] == planned
        run(jobs["flowerpower-plan"], line, {**common, "CI_JOB_STATUS": "failed"}, "after_script")
        assert (len(gitlab.notes), "## No plan (acme.prod)" in gitlab.notes[0]["body"]) == (1, True)

        kept = list(line.folder.glob(jobs["flowerpower-plan"]["artifacts"]["paths"][0]))
        gitlab.requests.clear()
        gitlab.add_request(5, HEAD, merged=MERGE, source=PROJECT)
        gitlab.keep(kept[0].stem, kept[0].read_bytes(), job="flowerpower-plan")
        line.git("clean", "--quiet", "--force")
        later = {"REDIS_URL": redis_url, "CI_COMMIT_SHA": MERGE, "CI_MERGE_REQUEST_IID": "", "GITLAB_TOKEN": ""}
        said = run(jobs["flowerpower-apply"], line, {**common, **later})

    assert "Apply complete: " in said
