"""What to type for a part that is missing fits the way in which flowerpower was installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowerpower.errors import MissingExtraError
from flowerpower.installing import install_command

RECEIPT = '[tool]\nrequirements = [{ name = "%s", extras = ["embedded"] }, { name = "pandas" }]\n'


def test_uv_is_told_of_what_is_there_too(tmp_path: Path) -> None:
    (tmp_path / "uv-receipt.toml").write_text(RECEIPT % "flowerpower-gitops", encoding="utf-8")

    assert install_command("parquet", tmp_path) == (
        "uv tool install 'flowerpower-gitops[embedded,parquet]' --with pandas"
    )
    assert install_command("embedded", tmp_path) == ("uv tool install 'flowerpower-gitops[embedded]' --with pandas")


def test_pipx_adds_an_extra_to_what_is_there(tmp_path: Path) -> None:
    kept = tmp_path / "flowerpower-gitops"
    kept.mkdir()
    (kept / "pipx_metadata.json").touch()

    assert install_command("s3", kept) == "pipx inject flowerpower-gitops 'flowerpower-gitops[s3]'"


@pytest.mark.parametrize("receipt", [RECEIPT % "another-tool", "", "[tool", '[tool]\nrequirements = ["x"]\n'])
def test_anywhere_else_it_is_pip(tmp_path: Path, receipt: str) -> None:
    (tmp_path / "uv-receipt.toml").write_text(receipt, encoding="utf-8")
    (tmp_path / "pipx_metadata.json").touch()  # of a tool of another name

    assert install_command("s3", tmp_path) == "pip install 'flowerpower-gitops[s3]'"


def test_an_error_says_it_for_the_environment_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uv-receipt.toml").write_text(RECEIPT % "flowerpower-gitops", encoding="utf-8")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))

    assert MissingExtraError("format parquet", "parquet").hint == (
        "uv tool install 'flowerpower-gitops[embedded,parquet]' --with pandas"
    )
