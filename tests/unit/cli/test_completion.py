"""What a shell offers after TAB."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerpower.cli import completion
from flowerpower.cli.main import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("flowerpower.yaml", "schedules/nightly.yaml", "schedules/team/hourly.yml", "pipelines/report.yaml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")
    (tmp_path / "flows").mkdir()
    monkeypatch.chdir(tmp_path / "flows")
    return tmp_path


def test_names_of_the_specs_around_are_offered(folder: Path) -> None:
    assert folder.is_dir()
    assert completion.schedules("") == ["hourly", "nightly"]
    assert completion.pipelines("re") == ["report"]
    assert completion.both("") == ["hourly", "nightly", "report"]


def test_outside_a_project_there_is_nothing_to_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert completion.both("") == []


@pytest.mark.parametrize("command", ["runs", "trigger", "backfill", "rerun", "dag", "run"])
def test_the_commands_for_runs_complete_a_name(
    folder: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_FLOWERPOWER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"flowerpower {command} ")
    monkeypatch.setenv("COMP_CWORD", "2")

    with pytest.raises(SystemExit):
        run([])

    offered = capsys.readouterr().out.split()
    assert {"report"} <= set(offered) if command in ("dag", "run") else {"hourly", "nightly"} <= set(offered)
