"""The demo works on a slow machine, and touches no Redis but its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from support.command_line import CommandLine

from flowerpower.embedded import embedded_server


@pytest.fixture
def demo(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("main_job", checkout / "demo/main_job.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> CommandLine:
    """A schedule whose runs take longer than its interval: the newest tick is always one that was skipped."""
    line = CommandLine(tmp_path / "project")
    line.write("flowerpower.yaml", "name: slow\nredis: ${env:REDIS_URL:-embedded}\nmodules: [flows]\n")
    line.write("pipelines/slow.yaml", "modules: [slow]\noutputs: [slept]\n")
    line.write("schedules/slow.yaml", "pipeline: slow\nevery: 1s\n")
    line.write("flows/slow.py", "import time\n\n\ndef slept() -> int:\n    time.sleep(1.5)\n    return 1\n")
    return line


def test_ticks_that_succeeded_count_when_the_newest_was_skipped(
    demo: ModuleType, project: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "LONGEST_WAIT", 30.0)

    with embedded_server(project.folder):
        demo.run(["apply", "--auto-approve"], project.folder)
        with demo.worker_beside(project.folder) as worker:
            demo.wait_for_ticks(project.folder, worker)

    assert capsys.readouterr().out.count("of slow: succeeded") >= demo.TICKS_WANTED


def test_what_the_user_has_set_does_not_lead_the_demo_to_another_redis(
    demo: ModuleType, project: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("FLOWERPOWER_ENV", "prod")

    with embedded_server(project.folder):
        assert "slow.default: nothing applied yet" in demo.run(["plan"], project.folder)


def test_the_demo_shows_what_a_command_made_and_not_its_last_line_alone(
    demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "show_main_job", lambda folder: None)
    monkeypatch.setattr(demo.tempfile, "mkdtemp", lambda prefix: str(tmp_path))

    assert demo.main() == 0
    said = capsys.readouterr().out
    assert "$ flowerpower init licences\n+ licences/flowerpower.yaml\n" in said
    assert "\n+ licences/schedules/licences_hourly.yaml\n" in said
