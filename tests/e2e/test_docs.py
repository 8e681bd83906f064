"""The examples in the documentation run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from flowerpower.scaffold import init

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_runs_in_a_new_project(block: str, tmp_path: Path) -> None:
    init(tmp_path / "acme")

    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path / "acme", capture_output=True, text=True, timeout=110, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
