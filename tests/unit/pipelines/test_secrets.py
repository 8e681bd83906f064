"""Secrets from environment variables and from a folder of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowerpower.errors import PipelineError
from flowerpower.pipelines.secrets import secrets_of

VALUE = "hunter2-hunter2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as Kubernetes mounts it: links to a folder that is replaced as a whole."""
    kept = tmp_path / "mounted" / "..2026_11_25"
    kept.mkdir(parents=True)
    (kept / "TOKEN").write_text(f"{VALUE}\n")
    (kept.parent / "..data").symlink_to("..2026_11_25")
    (kept.parent / "TOKEN").symlink_to("..data/TOKEN")
    return kept.parent


def lookup(name: str, folder: Path, **environment: str) -> str:
    return secrets_of({"FLOWERPOWER_SECRETS_DIR": str(folder), **environment})(name)


def test_a_file_of_a_mounted_folder_is_a_secret(folder: Path) -> None:
    assert lookup("TOKEN", folder) == VALUE


def test_an_environment_variable_comes_before_a_file(folder: Path) -> None:
    assert lookup("TOKEN", folder, TOKEN="other") == "other"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b" x ", " x "),
        (b"x\r", "x\r"),
        (b"", ""),
        ("pässwörd\n".encode(), "pässwörd"),
        (b"-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "-----BEGIN KEY-----\nabc\n-----END KEY-----"),
    ],
)
def test_only_the_last_line_end_is_taken_off(folder: Path, content: bytes, value: str) -> None:
    (folder / "KEY").write_bytes(content)

    assert lookup("KEY", folder) == value


def test_a_value_that_was_changed_is_read_anew(folder: Path) -> None:
    provider = secrets_of({"FLOWERPOWER_SECRETS_DIR": str(folder)})
    before = provider("TOKEN")

    (folder / "..2026_11_25" / "TOKEN").write_text("rotated\n")

    assert (before, provider("TOKEN")) == (VALUE, "rotated")


def test_a_missing_secret_names_both_places_that_were_looked_in(folder: Path) -> None:
    with pytest.raises(PipelineError, match="there is no secret 'NOPE'") as caught:
        lookup("NOPE", folder)

    assert "environment variable NOPE" in caught.value.hint
    assert f"{folder}/NOPE" in caught.value.hint


def test_the_folder_of_docker_is_looked_in_unless_another_or_none_is_named() -> None:
    for environment, place in [({}, "/run/secrets/NOPE_NOPE"), ({"FLOWERPOWER_SECRETS_DIR": ""}, "name a folder")]:
        with pytest.raises(PipelineError) as caught:
            secrets_of(environment)("NOPE_NOPE")

        assert place in caught.value.hint


@pytest.mark.parametrize(
    "name", ["../TOKEN", "/etc/passwd", "..data/TOKEN", "..data", "", "a/b", "a\0b", "TOKEN\n", "é"]
)
def test_a_name_cannot_lead_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(PipelineError, match="is not the name of a secret"):
        lookup(name, folder, **{name: "x"} if name else {})


def test_what_is_no_small_text_file_is_refused_without_showing_it(folder: Path) -> None:
    (folder / "FOLDER").mkdir()
    (folder / "BINARY").write_bytes(b"hunter2\xff")
    (folder / "LARGE").write_bytes(b"hunter2" * 200_000)
    (folder / "LOOP").symlink_to("LOOP")
    os.mkfifo(folder / "PIPE")

    for name, why in {
        "FOLDER": "not a file",
        "BINARY": "not UTF-8",
        "LARGE": "larger than 1,048,576 bytes",
        "LOOP": "could not be read",
        "PIPE": "not a file",
    }.items():
        with pytest.raises(PipelineError, match=why) as caught:
            lookup(name, folder)

        assert "hunter2" not in f"{caught.value}{caught.value.hint}"
        assert caught.value.__cause__ is None


def test_a_folder_that_is_a_file_holds_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(PipelineError, match="there is no secret"):
        lookup("TOKEN", tmp_path / "file")
