"""The first pages people read are true: every command runs as it is written, and answers as it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sessions import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "work"
    folder.mkdir()
    shell = Shell(folder, tmp_path / "home")
    yield shell
    shell.close()


def test_the_first_pages_answer_as_shown(shell: Shell, checkout: Path) -> None:
    page = (checkout / "docs/quick-start.md").read_text(encoding="utf-8")
    shell.play(page)

    assert sorted(file.suffix for file in (shell.folder / "out").iterdir()) == [".parquet", ".txt"]
    assert "x older" in shell.said["git switch main && flowerpower plan"][-1]
    assert re.search(r"\n +now .*\n +then ", page), "the page tells of both, so it has to show them"
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert shell.compare(readme) >= 5
    quoted = [line.removeprefix(">").strip(" *") for line in readme.splitlines() if line.startswith(">")]
    assert len(quoted) > 10
    shell.shows("flowerpower plan --format markdown", "\n".join(line for line in quoted if line != "```"))
