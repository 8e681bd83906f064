"""A project under git with a real Redis, and the command line in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CommandLine, command_line


@pytest.fixture
def flowerpower(tmp_path: Path, redis_url: str) -> CommandLine:
    """The command line in a fresh project, before its first apply."""
    folder = tmp_path / "acme"
    folder.mkdir()
    return command_line(folder, redis_url)


@pytest.fixture
def applied(flowerpower: CommandLine) -> CommandLine:
    """The command line in a project that is applied."""
    answer = flowerpower("apply", "--auto-approve")
    assert answer.code == 0, answer.err
    return flowerpower
