"""Importing flowerpower costs next to nothing: the heavy libraries wait until they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"hamilton", "pandas", "numpy", "polars", "pyarrow", "rq", "redis", "fsspec", "git", "pydantic", "jsonschema"}
STANDARD = set(sys.stdlib_module_names)


def loaded_by(statement: str, *options: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after *statement*."""
    program = f"{statement}\nimport sys, json\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_measure_sees_a_heavy_import() -> None:
    assert "redis" in loaded_by("import redis") & HEAVY


@pytest.mark.parametrize(
    "statement",
    [
        "import flowerpower",
        "from flowerpower import Problem",
        "import flowerpower.settings",
        "dir(__import__('flowerpower'))",
    ],
)
def test_the_package_loads_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()


def test_the_keeper_of_the_embedded_server_needs_the_standard_library_alone() -> None:
    before = loaded_by("pass")
    foreign = loaded_by("import flowerpower.embedded.keeper") - before - STANDARD

    assert foreign == {"flowerpower"}
