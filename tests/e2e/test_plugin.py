"""Plug-ins of somebody else: the example packages are built, installed without any network, and used by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.statuses import NOW

from flowerpower.errors import PipelineError, SpecError
from flowerpower.messaging.health import WELL, Outcome
from flowerpower.messaging.message import Message
from flowerpower.messaging.transports import send
from flowerpower.pipelines.formats import find_format
from flowerpower.pipelines.secrets import secrets_of
from flowerpower.project import FlowerPowerProject
from flowerpower.settings import Settings

PIPELINE = """
modules: [flow]
outputs: [doubled]
load: {raw: {format: ini, path: in.ini}}
save: [{outputs: [doubled], format: ini, path: out.ini}]
"""
FLOW = """
def doubled(raw: dict) -> dict:
    return {section: {key: str(int(value) * 2) for key, value in raw[section].items()} for section in raw}
"""


@pytest.fixture(scope="module")
def site(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    examples = [str(checkout / "examples" / name) for name in ("flowerpower-inifile", "flowerpower-example")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), *examples], check=True)
    return folder


@pytest.fixture(scope="module")
def search(site: Path, checkout: Path) -> str:
    """Where Python looks: for the packages, and for the flowerpower that is tested."""
    return f"{site}{os.pathsep}{checkout}"


def test_a_format_of_an_installed_package_is_used_by_name(tmp_path: Path, search: str) -> None:
    line = CommandLine(tmp_path)
    line.write("flowerpower.yaml", "name: acme\nplugins: [flowerpower-inifile]\n")
    line.write("pipelines/p.yaml", PIPELINE)
    line.write("flows/flow.py", FLOW)
    line.write("in.ini", "[größe]\na = 21\n")

    done = line("run", "p", PYTHONPATH=search)

    assert done.code == 0, done.err
    assert (tmp_path / "out.ini").read_text(encoding="utf-8") == "[größe]\na = 42\n\n"


def test_a_plugin_that_the_project_does_not_name_is_not_loaded(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))

    with pytest.raises(PipelineError, match="there is no format 'ini'") as caught:
        find_format("ini")

    assert caught.value.hint == (
        "an installed plug-in has it; name its distribution under `plugins:` in flowerpower.yaml"
    )


def test_a_plugin_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(PipelineError, match="there is no format 'ini'") as caught:
        find_format("ini", ["flowerpower-inifile"])

    assert caught.value.hint == (
        "the plug-in 'flowerpower-inifile' is not installed here: pip install flowerpower-inifile"
    )


ALL_KINDS = {
    "flowerpower.yaml": "name: acme\nplugins: [flowerpower-example]\nenvironments: {prod: {}}\n",
    "pipelines/greet.yaml": """
modules: [greet]
outputs: [greetings]
inputs: {sign: "${secret:SIGN}"}
adapters: [notebook]
executor: {plugin: slow_lane, options: {pause: 0.01}}
load: {names: {format: lines, path: names.txt}}
save: [{outputs: [greetings], format: lines, path: out.txt}]
""",
    "schedules/daily.yaml": "pipeline: greet\nevery: 1d\nowner: data@example.org\n",
    "flows/greet.py": """
def greetings(names: list, sign: str) -> list:
    return [f"Hello {name}{sign}" for name in names]
""",
    "names.txt": "Zoë\nKarl\n",
    "passwords": "OTHER=x\nSIGN=!\n",
}


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    found = CommandLine(tmp_path)
    for path, text in ALL_KINDS.items():
        found.write(path, text)
    return found


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))


def test_a_run_uses_a_format_an_adapter_an_executor_and_a_secret_of_plugins(line: CommandLine, search: str) -> None:
    files = {"EXAMPLE_PASS_FILE": str(line.folder / "passwords"), "EXAMPLE_NOTEBOOK": str(line.folder / "notes")}

    done = line("run", "greet", PYTHONPATH=search, **files)

    assert done.code == 0, done.err
    assert (line.folder / "out.txt").read_text(encoding="utf-8") == "Hello Zoë!\nHello Karl!\n"
    assert "greetings done" in (line.folder / "notes").read_text(encoding="utf-8")


def test_a_list_of_plugins_says_which_are_used_and_which_load(line: CommandLine, search: str) -> None:
    found = line("plugins", "list", "--json", PYTHONPATH=search).document["plugins"]
    ours = {one["name"]: one for one in found if one["distribution"].startswith("flowerpower-")}

    assert {name: (one["allowed"], one["loads"]) for name, one in ours.items()} == {
        "ini": (False, None),
        "lines": (True, True),
        "notebook": (True, True),
        "slow_lane": (True, True),
        "pass_file": (True, True),
        "logbook": (True, True),
        "house_rules": (True, True),
        "kept_gold": (True, True),
    }
    assert len({one["group"] for one in ours.values()}) == 6


def problems(folder: Path, env: str = "default") -> list[str]:
    project = FlowerPowerProject.load(folder, env)
    return [f"{problem.place} {problem.severity} {problem.code} {problem.what}" for problem in project.validate()]


@pytest.mark.usefixtures("installed")
def test_a_check_finds_what_policies_cannot_say(line: CommandLine, search: str) -> None:
    line.write("schedules/daily.yaml", "pipeline: greet\nevery: 1d\nowner: me\ntimezone: Asia/Tokyo\n")

    assert problems(line.folder) == ["schedules/daily.yaml:3:8 error HOUSE1 the owner 'me' has no address here"]
    assert problems(line.folder, "prod")[1].endswith("4:11 warning HOUSE2 what runs in prod runs in UTC")
    told = line("validate", "--format", "sarif", PYTHONPATH=search)
    assert (told.code, '"HOUSE1"' in told.out) == (1, True)
    assert "what runs in prod runs in UTC (in environment 'prod')" in told.out
    with pytest.raises(SpecError, match="HOUSE1"):
        FlowerPowerProject.load(line.folder, redis="redis://localhost:1").plan()


@pytest.mark.usefixtures("installed")
def test_a_comment_with_a_reason_silences_a_finding(line: CommandLine) -> None:
    owner = "owner: me  # flowerpower: ignore HOUSE1"
    line.write("schedules/daily.yaml", f"pipeline: greet\nevery: 1d\n{owner} he is new here\n")
    assert problems(line.folder) == []

    line.write("schedules/daily.yaml", f"pipeline: greet\nevery: 1d\n{owner}\n")
    assert [problem.partition(" ")[2][:17] for problem in problems(line.folder)] == ["error FP901 HOUSE"]


@pytest.mark.usefixtures("installed")
def test_no_check_runs_on_an_untrusted_checkout_nor_where_plugins_are_off(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowerpower.checking import house_problems

    line.write("schedules/daily.yaml", "pipeline: greet\nevery: 1d\n")
    assert len(problems(line.folder)) == 1

    assert house_problems(FlowerPowerProject(line.folder, Settings(line.folder, untrusted=True))) == ()
    monkeypatch.setenv("FLOWERPOWER_DISABLE_PLUGINS", "1")
    assert problems(line.folder) == []
    assert line("plugins", "list", FLOWERPOWER_DISABLE_PLUGINS="1").out.startswith("Plug-ins are switched off")


@pytest.mark.usefixtures("installed")
def test_a_message_goes_by_a_plugin_that_the_project_names_and_by_no_other(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    outcome = Outcome("daily", "failed", NOW, NOW, "acme--prod--daily--1", 1, "boom", "c0ffee", 1.0, 1)
    message = Message("1", "failed", "acme.prod", outcome, WELL, "UTC", "ana")

    assert send(f"logbook://{book}", message).result != "delivered"
    assert not book.exists()
    assert send(f"logbook://{book}", message, plugins=["flowerpower-example"]).result == "delivered"
    assert book.read_text(encoding="utf-8").startswith("failed daily: ")
    assert send("logbook:///nowhere/at/all", message, plugins=["flowerpower-example"]).result == "hopeless"


@pytest.mark.usefixtures("installed")
def test_secrets_of_plugins_come_last_and_are_never_quoted(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("A=from the plug-in\nB=hunter2\n")
    environment = {"EXAMPLE_PASS_FILE": str(tmp_path / "p"), "A": "from the environment"}
    named = secrets_of(environment, ["flowerpower-example"])

    assert (named("A"), named("B")) == ("from the environment", "hunter2")
    with pytest.raises(PipelineError, match="there is no secret 'C' here"):
        named("C")
    with pytest.raises(PipelineError, match="there is no secret 'B' here"):
        secrets_of(environment)("B")
    gone = secrets_of({"EXAMPLE_PASS_FILE": "/nowhere/hunter2"}, ["flowerpower-example"])
    with pytest.raises(PipelineError) as caught:
        gone("B")
    assert str(caught.value) == (
        "the secrets of the plug-in 'pass_file' (flowerpower-example) could not say 'B': FileNotFoundError"
    )


PARALLEL = """
from hamilton.htypes import Collect, Parallelizable
def part(names: list) -> Parallelizable[str]:
    yield from names
def shouted(part: str) -> str:
    return part.upper()
def greetings(shouted: Collect[str]) -> list:
    return sorted(shouted)
"""


@pytest.mark.usefixtures("installed")
def test_an_executor_of_a_plugin_runs_parallel_blocks_and_says_what_it_does_not_take(line: CommandLine) -> None:
    line.write("flows/greet.py", PARALLEL)
    executor = "executor: {plugin: slow_lane, options: {pause: PAUSE}}"
    pipeline = f"modules: [greet]\noutputs: [greetings]\ninputs: {{names: [a, b]}}\n{executor}\n"
    line.write("pipelines/greet.yaml", pipeline.replace("PAUSE", "0.01"))

    assert FlowerPowerProject.load(line.folder).pipelines.run("greet").values["greetings"] == ["A", "B"]
    line.write("pipelines/greet.yaml", pipeline.replace("PAUSE", "-1"))
    with pytest.raises(PipelineError, match="slow_lane: `pause` is a number of seconds, not -1"):
        FlowerPowerProject.load(line.folder).pipelines.run("greet")
    line.write("pipelines/greet.yaml", pipeline.replace("slow_lane", "lines"))
    with pytest.raises(PipelineError, match="there is no executor 'lines'"):
        FlowerPowerProject.load(line.folder).pipelines.run("greet")


def test_a_check_of_plans_refuses_also_what_was_saved_without_it(
    line: CommandLine, search: str, redis_url: str
) -> None:
    gold = "pipeline: greet\nevery: 1d\nowner: a@example.org\nlabels: {tier: gold}\n"
    line.write("schedules/daily.yaml", gold)
    line.write("schedules/other.yaml", gold)
    known = {"PYTHONPATH": search, "FLOWERPOWER_REDIS": redis_url}
    assert line("apply", "--auto-approve", **known).code == 0
    (line.folder / "schedules/daily.yaml").unlink()

    planned = line("plan", **known)
    saved = line("plan", "--out", "plan.json", **known, FLOWERPOWER_DISABLE_PLUGINS="1")
    applied = line("apply", "plan.json", **known)

    assert (planned.code, "x HOUSE3: schedule.daily: gold is not deleted at once" in planned.out) == (0, True)
    assert (saved.code, "HOUSE3" in saved.out) == (0, False)
    assert (applied.code, "pause it for a week" in applied.err) == (3, True)
