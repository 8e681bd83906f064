"""`init` as people meet it: what it asks, what it says at the end, and that it never harms what is there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from support.command_line import Answer, CommandLine
from support.terminal import converse

QUESTIONS = ("Name of the project", "CI: github", "Files for Docker Compose", "Time zone of the schedules")


def init(folder: Path, *arguments: str) -> Answer:
    return CommandLine(folder)("init", *arguments)


def remembered(project: Path) -> dict[str, object]:
    answers: dict[str, object] = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return {name: value for name, value in answers.items() if not name.startswith("_")}


def test_without_a_terminal_nothing_is_asked_and_flags_answer(tmp_path: Path) -> None:
    made = init(tmp_path, "acme", "--ci", "gitlab", "--no-compose", "--timezone", "Asia/Tokyo", "--name", "night")

    assert made.code == 0, made.err
    assert remembered(tmp_path / "acme") == {
        **{"name": "night", "ci": "gitlab", "compose": False},
        **{"timezone": "Asia/Tokyo", "folder": "."},
    }
    assert (tmp_path / "acme/.gitlab-ci.yml").is_file()
    assert not (tmp_path / "acme/.github").exists()


def test_the_last_words_are_where_it_is_and_at_most_four_commands(tmp_path: Path) -> None:
    said = init(tmp_path, "acme", "--no-git").err

    assert said.splitlines()[1] == f"The project acme is in {tmp_path / 'acme'}, without git."
    commands = [line.split("#")[0].strip() for line in said.partition("Next:\n")[2].splitlines()]
    assert commands == ["cd acme", "flowerpower run licences", "flowerpower plan", "flowerpower apply"]


def test_where_git_does_not_know_the_author_the_last_words_are_what_makes_the_first_commit(tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tuseConfigOnly = true\n")
    stranger = {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_SYSTEM": "/dev/null"}

    said = CommandLine(tmp_path, stranger)("init", "acme").err

    assert "git does not know who you are yet" in said
    commands = [line.partition("  #")[0].strip() for line in said.partition("Next:\n")[2].splitlines()]
    assert [*commands[:1], *commands[4:]] == [
        *("cd acme", "flowerpower run licences", "flowerpower plan", "flowerpower apply")
    ]
    subprocess.run(
        ["sh", "-ec", "\n".join(commands[:4])], cwd=tmp_path, env={**os.environ, **stranger}, check=True, timeout=60
    )
    log = ["git", "-C", str(tmp_path / "acme"), "log", "--format=%an <%ae>: %s"]
    assert subprocess.run(log, capture_output=True, text=True, check=True).stdout == (
        "Your Name <you@example.org>: Start the project\n"
    )
    assert CommandLine(tmp_path / "acme", stranger).git("status", "--porcelain") == ""


def test_one_document_tells_programs_what_was_made(tmp_path: Path) -> None:
    made = init(tmp_path, "Night Jobs", "--no-git", "--json")

    document = json.loads(made.out)
    assert (document["name"], document["repository"]) == ("night-jobs", "no git")
    assert all((tmp_path / document["folder"] / file).is_file() for file in document["files"])


def test_on_a_terminal_each_question_has_a_likely_answer_and_a_wrong_one_is_asked_again(tmp_path: Path) -> None:
    wrong = [("[acme]: ", "\n"), ("[github]: ", "gitlabb\n"), ("[github]: ", "gitlab\n"), ("[Y/n]: ", "n\n")]

    code, shown = converse(
        tmp_path, "init", "acme", answers=[*wrong, ("[UTC]: ", "Europe/Berln\n"), ("[UTC]: ", "Europe/Berlin\n")]
    )

    assert code == 0, shown
    assert "Error: there are no files for the CI 'gitlabb' (github, gitlab or none)" in shown
    assert "Error: there is no time zone 'Europe/Berln' (did you mean Europe/Berlin" in shown
    assert remembered(tmp_path / "acme") == {
        **{"name": "acme", "ci": "gitlab", "compose": False},
        **{"timezone": "Europe/Berlin", "folder": "."},
    }


@pytest.mark.parametrize("end", ["\x03", "\x04"])
def test_whoever_leaves_at_a_question_leaves_nothing_behind(tmp_path: Path, end: str) -> None:
    code, shown = converse(tmp_path, "init", "acme", answers=[("[acme]: ", "\n"), ("[github]: ", end)])

    assert code == 130, shown
    assert list(tmp_path.iterdir()) == []


def test_a_flag_is_not_asked_and_defaults_ask_nothing(tmp_path: Path) -> None:
    given = ["--name", "acme", "--ci", "none", "--no-compose"]
    code, shown = converse(tmp_path, "init", "one", "--no-git", *given, answers=[("[UTC]: ", "\n")])
    quiet, silence = converse(tmp_path, "init", "two", "--no-git", "-y", answers=[])

    assert (code, quiet) == (0, 0), shown + silence
    assert [question for question in QUESTIONS if question in shown] == ["Time zone of the schedules"]
    assert [question for question in QUESTIONS if question in silence] == []


@pytest.mark.parametrize("arguments", [("--name", "Acme"), ("--ci", "jenkins"), ("--timezone", "Europe/Berln")])
def test_a_wrong_answer_by_flag_makes_nothing(tmp_path: Path, arguments: tuple[str, str]) -> None:
    refused = init(tmp_path, "acme", *arguments)

    assert refused.code == 1
    assert "hint: " in refused.err
    assert list(tmp_path.iterdir()) == []


def test_a_project_is_told_from_files_in_the_way_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "readme").mkdir()
    (tmp_path / "readme/README.md").write_text("mine")
    assert init(tmp_path, "acme", "--no-git").code == 0

    again, shown = converse(tmp_path, "init", "acme", answers=[])
    in_the_way = init(tmp_path, "readme")

    assert (again, in_the_way.code) == (1, 1)
    assert "acme is a project already: it has flowerpower.yaml; nothing was written" in shown
    assert "readme already has README.md; nothing was written" in in_the_way.err
    assert "hint: --keep leaves them as they are" in in_the_way.err
    assert (tmp_path / "readme/README.md").read_text() == "mine"


def test_a_repository_that_has_begun_keeps_what_it_has_when_asked_to(tmp_path: Path) -> None:
    mine = {"README.md": "mine", ".gitignore": "*.tmp\n", "compose.yaml": "services: {}\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)

    assert init(tmp_path, "--no-git").code == 1
    made = init(tmp_path, "--no-git", "--keep", "--name", "acme")

    assert made.code == 0, made.err
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    assert "Left as they were: .gitignore, README.md, compose.yaml. Let .gitignore leave out .flowerpower/" in made.err
    assert not {name for name in mine if f"+ {name}\n" in made.out}
    assert CommandLine(tmp_path)("validate").last == "acme.default is valid: 1 pipeline, 1 schedule."
    assert "is a project already" in init(tmp_path, "--keep").err


def test_a_folder_in_the_place_of_a_file_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()
    (tmp_path / "flows").write_text("no folder")

    refused = init(tmp_path, "--keep")

    assert refused.code == 1
    assert "already has README.md, flows/licences.py; nothing was written" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "flows"]


@pytest.mark.parametrize(
    ("ci", "says"),
    [
        ("github", "- GitHub reads .github/workflows/ of the root alone"),
        ("gitlab", "`include: jobs/daten für heute/.gitlab-ci.yml`"),
        ("none", "- pre-commit reads .pre-commit-config.yaml of the root alone"),
    ],
)
def test_inside_a_repository_ci_knows_the_folder_and_the_last_words_say_what_to_move(
    tmp_path: Path, ci: str, says: str
) -> None:
    CommandLine(tmp_path).git("init", "--quiet")

    made = init(tmp_path, "jobs/daten für heute", "--ci", ci)

    assert made.code == 0, made.err
    assert says in made.err
    assert remembered(tmp_path / "jobs/daten für heute")["folder"] == "jobs/daten für heute"
    assert "  cd 'jobs/daten für heute'\n" in made.err


def test_a_folder_that_ci_files_cannot_name_is_refused_unless_there_are_none(tmp_path: Path) -> None:
    CommandLine(tmp_path).git("init", "--quiet")

    refused = init(tmp_path, 'a "b" $c')

    assert (refused.code, (tmp_path / 'a "b" $c').exists()) == (1, False)
    assert "--ci none" in refused.err
    assert init(tmp_path, 'a "b" $c', "--ci", "none").code == 0
    assert CommandLine(tmp_path / 'a "b" $c')("validate").code == 0


@pytest.mark.parametrize(
    ("origin", "ci"), [("git@gitlab.example.org:data/jobs.git", "gitlab"), ("https://github.com/acme/jobs", "github")]
)
def test_the_likely_ci_is_that_of_the_host_of_the_repository(tmp_path: Path, origin: str, ci: str) -> None:
    CommandLine(tmp_path).git("init", "--quiet")
    CommandLine(tmp_path).git("remote", "add", "origin", origin)

    assert init(tmp_path).code == 0

    assert (remembered(tmp_path)["ci"], remembered(tmp_path)["folder"]) == (ci, ".")


def test_the_flag_that_names_a_project_names_the_new_one_too(tmp_path: Path) -> None:
    made = init(tmp_path, "--project", "acme", "--no-git")

    assert made.code == 0, made.err
    assert [path.name for path in tmp_path.iterdir()] == ["acme"]
    assert "  cd acme\n" in made.err
