"""The workflows of this repository are workflows, and what they run is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_they_fit_the_published_schema(checkout: Path) -> None:
    files = sorted((checkout / ".github/workflows").glob("*.yml"))
    asked = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, files)]

    done = subprocess.run(asked, capture_output=True, text=True, check=False)

    assert files
    assert done.returncode == 0, done.stdout


def test_every_target_that_they_make_is_there(checkout: Path) -> None:
    rules = (checkout / "Makefile").read_text(encoding="utf-8")
    texts = [file.read_text(encoding="utf-8") for file in (checkout / ".github/workflows").glob("*.yml")]
    made = {target for text in texts for target in re.findall(r"run: make ([\w-]+)", text)}

    assert made == {"test", "oldest", "coverage", "fuzz", "torture", "soak"}
    assert [target for target in made if f"\n{target}:" not in rules] == []


def test_every_variable_that_they_set_is_one_that_the_rules_read(checkout: Path) -> None:
    rules = (checkout / "Makefile").read_text(encoding="utf-8")
    texts = [file.read_text(encoding="utf-8") for file in (checkout / ".github/workflows").glob("*.yml")]
    given = {
        name
        for text in texts
        for line in re.findall(r"run: (make .*)", text)
        for name in re.findall(r"([A-Z]+)=", line)
    }

    assert given
    assert [name for name in given if f"$({name})" not in rules] == []
