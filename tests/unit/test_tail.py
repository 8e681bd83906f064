"""The end of what a run said: bounded, in whole lines, and never with a secret or the half of one."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerpower.jobs.running.listening import listening
from flowerpower.jobs.running.tail import Tail

SECRET = "hunter2-hunter2"


def masked(text: str) -> str:
    return text.replace(SECRET, "***")


@given(
    parts=st.lists(st.sampled_from([SECRET, "a\n", "ü" * 7, "\n", "words and more words", f"{SECRET}\n"]), max_size=60),
    longest=st.integers(8, 60),
)
def test_whatever_is_said_the_end_is_kept_and_no_secret(parts: list[str], longest: int) -> None:
    tail = Tail(masked, longest)
    for part in parts:
        tail.add(part)

    kept = tail.text(whole=True)

    shown = kept.removeprefix("... (the beginning is cut)\n")
    assert len(shown.encode()) <= longest
    assert masked("".join(parts)).endswith(shown)
    assert SECRET not in kept
    if len(SECRET) <= longest:
        assert SECRET[4:] not in kept  # the end of one that was cut through would not be masked


def test_half_a_line_waits_for_its_end() -> None:
    tail = Tail(masked)
    tail.add("one\ntw")

    assert (tail.text(whole=False), tail.text(whole=True)) == ("one\n", "one\ntw")


def test_what_is_printed_and_logged_is_heard_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    out = sys.stdout
    with listening(heard.append):
        sys.stdout.write("printed\n")
        sys.stderr.write("told\n")
        logging.getLogger("flows").info("logged")
        logging.getLogger("rq.worker").error("not the run's")
        logging.getLogger("flows").debug("too much")

    assert sys.stdout is out
    assert capsys.readouterr().out == "printed\n"
    said = "".join(heard).splitlines()
    assert said[:2] == ["printed", "told"]
    assert [line.partition(" ")[2] for line in said[2:]] == ["INFO flows: logged"]


def test_bytes_that_are_written_below_the_text_are_heard_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    with Path(os.devnull).open("w", encoding="utf-8") as null:
        monkeypatch.setattr(sys, "stdout", null)
        with listening(heard.append):
            sys.stdout.write("one ")
            assert sys.stdout.buffer.write("zwölf".encode()[:3]) == 3
            sys.stdout.buffer.writelines([memoryview("zwölf".encode()[3:]), b"\n\xff\n"])
            sys.stdout.buffer.flush()
            with pytest.raises(TypeError):
                sys.stdout.buffer.write("text")  # type: ignore[arg-type]
            own = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
            own.write("through another\n")
            own.detach()

    assert "".join(heard) == "one zwölf\n\ufffd\nthrough another\n"


def test_bytes_go_on_to_where_they_went_before() -> None:
    code = (
        "import sys; from flowerpower.jobs.running.listening import listening\n"
        "with listening(lambda text: None): sys.stdout.buffer.write(b'\\xff\\n'); sys.stderr.buffer.write(b'told')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"\xff\n", b"told")


def test_a_terminal_that_is_gone_fails_no_run_and_what_is_no_text_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    read, write = os.pipe()
    os.close(read)
    with suppress(BrokenPipeError), os.fdopen(write, "w", buffering=1) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        with listening(heard.append):
            sys.stdout.write("said\n")
            sys.stdout.flush()
            with pytest.raises(TypeError):
                sys.stdout.write(b"bytes")  # type: ignore[arg-type]
            sys.stdout.write("said more\n")

    assert heard == ["said\n", "said more\n"]
