"""What says which project and which Redis is meant is repeated in the commands that are proposed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.command_line import FILES, command_line
from support.in_process import Here

from flowerpower.cli.options import General, repeated_flags
from flowerpower.proposed import with_flags


@pytest.mark.parametrize("call", ["trigger nobody", "rerun nightly", "runs nobody", "show nothing.json"])
def test_a_project_that_was_named_is_named_again(call: str, redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "a project"
    folder.mkdir()
    command_line(folder, redis_url, FILES)
    elsewhere = Here(tmp_path, redis_url)

    told = elsewhere(*shlex.split(call), "--env", "prod", "--project", "a project").err

    assert "flowerpower " in told
    assert told.count("flowerpower ") == told.count(" --project 'a project'") == told.count(" --env prod")
    assert "--project" not in Here(folder, redis_url)(*shlex.split(call), "--env", "prod").err


@pytest.mark.parametrize(
    ("flags", "variables", "repeated"),
    [
        ({"project": Path("a b")}, {}, {"--project": "'a b'"}),
        (
            {"project": Path("acme"), "redis": "redis://db:1"},
            {"FLOWERPOWER_PROJECT": "acme"},
            {"--redis": "redis://db:1"},
        ),
        ({"project": Path()}, {}, {}),
        ({"redis": "redis://user:secret@db:1"}, {}, {}),
        ({"redis": "redis://db?password=secret"}, {}, {}),
        ({"redis": "embedded"}, {"FLOWERPOWER_REDIS": "redis://db"}, {"--redis": "embedded"}),
    ],
)
def test_what_a_variable_says_or_is_secret_is_not_repeated(
    flags: Mapping[str, Any], variables: Mapping[str, str], repeated: Mapping[str, str]
) -> None:
    assert repeated_flags(General(**flags), variables) == repeated


def test_a_flag_that_a_command_has_is_not_given_twice() -> None:
    given = {"--project": "acme", "--redis": "embedded"}

    assert with_flags("`flowerpower plan --project b`; flowerpower apply", given) == (
        "`flowerpower plan --redis embedded --project b`; flowerpower apply --project acme --redis embedded"
    )
