"""Every command on every page is one that there is, with flags that it has, and each link leads somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.commands_page import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {
    name: {flag for one in command.params for flag in [*one.opts, *one.secondary_opts]} for name, command in commands()
}
ALWAYS = {"--help", "-h", "--version", "-V", "--install-completion", "--show-completion"}
ASKED = [
    (page, command, shown)
    for page in PAGES
    for command, shown in re.findall(
        r"```console\n\$ flowerpower (next --(?:cron|every|at) .*?)\n(.*?)```",
        page.read_text(encoding="utf-8"),
        re.DOTALL,
    )
]


def named(page: Path) -> Iterator[str]:
    """Yield the calls of flowerpower on a page: in blocks, and in the text."""
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    for block in re.findall(r"^ *```(?:console|sh|ini|yaml)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"(?:^|[ /;&=])flowerpower +([a-z].*)", block, re.MULTILINE)
    yield from re.findall(r"`flowerpower ([a-z][^`]*)`", text)


def wrong(call: str) -> str:
    """Return what is wrong with a call, as far as its words tell."""
    call = re.split(r"\s#|[;|&)]|\s>", re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", call))[0]
    words = call.replace("...", "").split()
    name = next((each for each in (" ".join(words[:2]), words[0]) if each in COMMANDS), None)
    if name is None:
        groups = {each.split()[0] for each in COMMANDS}
        return "" if words[0] in groups | {"COMMAND"} else f"no command {words[0]!r}"
    flags = {word.partition("=")[0].strip("`,.") for word in words if word.startswith("-") and word != "-"}
    unknown = {flag for flag in flags if flag not in COMMANDS[name] | ALWAYS and not re.fullmatch(r"-n\d*", flag)}
    return f"{name} has no {sorted(unknown)}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    assert [f"{call}: {problem}" for call in named(page) if (problem := wrong(call))] == []


def test_the_help_says_of_the_variables_of_flags_what_is_true(tmp_path: Path) -> None:
    flags = [one for _, command in commands() for one in command.params if one.opts[0].startswith("-")]
    without = {one.opts[0] for one in flags if not one.envvar} - ALWAYS

    assert "--job" in without
    assert len(without) < len(flags) / 2
    assert "Most flags have a variable" in CommandLine(tmp_path)("--help").out


def test_a_wrong_command_and_a_wrong_flag_would_be_seen() -> None:
    assert wrong("plann --env prod") == "no command 'plann'"
    assert wrong("plan --enviroment prod  # a comment --here") == "plan has no ['--enviroment']"
    assert wrong("apply --env prod --auto-approve && rm -rf x") == ""


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks/README.md"])
def test_what_a_page_outside_the_site_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("page", "command", "shown"), ASKED, ids=lambda value: value.stem if isinstance(value, Path) else ""
)
def test_a_trigger_on_a_page_fires_as_shown(page: Path, command: str, shown: str, tmp_path: Path) -> None:
    answer = CommandLine(tmp_path)(*shlex.split(command))

    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert shown.strip()
    assert [line for line in shown.splitlines() if " ".join(line.split()) not in lines] == []
