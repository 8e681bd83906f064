"""Half of the work in a second process: it is done, or it is known that it is not, and nothing is left running."""

from __future__ import annotations

import subprocess
import sys

import pytest

_ASK = """
import os, signal, sys, time
from flowerpower.specs.files.forked import Forked

def large(): return b"x" * 10_000_000
def failing(): raise RuntimeError("no")
def leaving(): sys.exit(0)
def killed(): os.kill(os.getpid(), signal.SIGKILL)
def endless(): time.sleep(600)

work = globals()[sys.argv[1]]
with Forked(work) as child:
    answer = "not asked for" if work is endless else child.answer()
print(len(answer) if isinstance(answer, bytes) else answer)
try:
    os.waitpid(-1, os.WNOHANG)
    print("a process is left")
except ChildProcessError:
    print("none is left")
"""


@pytest.mark.parametrize(
    ("work", "answer"),
    [("large", "10000000"), ("failing", "None"), ("leaving", "None"), ("killed", "None"), ("endless", "not asked for")],
)
def test_what_a_forked_process_did_is_known(work: str, answer: str) -> None:
    found = subprocess.run([sys.executable, "-c", _ASK, work], capture_output=True, text=True, timeout=60, check=True)

    assert found.stdout.splitlines() == [answer, "none is left"]
