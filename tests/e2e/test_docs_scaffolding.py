"""The page about new projects holds: its sessions run as shown, its tables name what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.scaffold import Answers, init

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "scaffolding.md").read_text(encoding="utf-8")
AUTHOR = {f"GIT_{who}_{what}": "Ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def sessions() -> list[tuple[str, list[str]]]:
    """Return every command that is shown, with the lines that it prints there."""
    shown = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    commands = [part.rstrip("\n").split("\n") for block in shown for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
    return [(command, lines) for command, *lines in commands]


def pattern(lines: list[str]) -> str:
    """Return what a print must match: `...` stands for any text."""
    parts = [re.escape(line).replace(r"\.\.\.", ".*") if line != "..." else "(?:.*\n)*?.*" for line in lines]
    return "\n".join(parts)


def test_the_sessions_print_what_they_show(tmp_path: Path, redis_url: str) -> None:
    folder = tmp_path
    for command, lines in sessions():
        program, *arguments = shlex.split(command)
        if program == "cd":
            folder = folder / arguments[0]
            continue
        answer = CommandLine(folder, AUTHOR)(*arguments, REDIS_URL=redis_url)

        printed = (answer.out + answer.err).strip("\n")
        assert re.fullmatch(pattern(lines), printed), f"{command}\n{printed}"


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_table_of_files_names_all_of_them(tmp_path: Path, ci: str) -> None:
    other = {"github": ".gitlab-ci.yml", "gitlab": ".github/workflows"}[ci]
    answers = Answers("acme", "github" if ci == "github" else "gitlab")
    tops = {re.sub(r"(?<!github)/.*", "", path.as_posix()) for path in init(tmp_path / "acme", answers)}
    table = PAGE.partition("## Files")[2].partition("## ")[0]
    named = {cell.rstrip("/") for row in re.findall(r"^\|(.*?)\|", table, re.M) for cell in re.findall(r"`(.*?)`", row)}

    left_out = {".gitignore", ".dockerignore", ".env.example", "README.md"}

    assert named - {other} == tops - left_out


def test_the_flags_and_defaults_are_those_of_init(tmp_path: Path) -> None:
    rows = re.findall(r"^\| .*? \| `(--\S+)` \| (.*?) \|", PAGE, re.M)
    text = CommandLine(tmp_path)("init", "--help").out
    likely = Answers("x")

    assert [flag for flag, _ in rows] == ["--name", "--ci", "--compose", "--timezone"]
    assert [flag for flag, _ in rows if flag not in text] == []
    assert "`origin`" in dict(rows)["--ci"]
    assert "`origin`" in text
    assert [default.partition(",")[0] for _, default in rows[1:]] == [f"`{likely.ci}`", "yes", f"`{likely.timezone}`"]
    assert {"--no-compose", "--defaults", "--no-git"} <= set(re.findall(r"--[a-z-]+", text))


def test_what_goes_into_env_and_compose_is_what_the_page_says(tmp_path: Path) -> None:
    init(tmp_path)
    compose = (tmp_path / "compose.yaml").read_text()

    assert "docker compose up --build --detach" in PAGE
    for words in (
        "COMMIT=$(git rev-parse HEAD) docker compose up",
        "REDIS_URL=redis://localhost:6379 flowerpower apply",
    ):
        assert words in PAGE
        assert words in compose
    assert "localhost:9181" in PAGE
    assert "127.0.0.1:9181:9181" in compose
