"""CONTRIBUTING.md tells where things live: all that it names is there, and nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path

NOT_NAMED = {"__init__.py", "__main__.py", "__pycache__", "py.typed", "_data"}  # as in every package


def named(checkout: Path) -> set[str]:
    """Return the files and folders that the tables name."""
    lines = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n")
    words = {word for line in lines if line.startswith("| ") for word in re.findall(r"`([\w./*-]+)`", line)}
    return {word for word in words if re.search(r"/$|\.(py|lua|md|ya?ml)$", word)}


def test_what_the_tables_name_is_there(checkout: Path) -> None:
    def is_there(name: str) -> bool:
        return any(checkout.glob(name)) or any(any((checkout / top).rglob(name)) for top in ("flowerpower", "tests"))

    assert not [name for name in named(checkout) if not is_there(name.rstrip("/"))]


def test_each_part_of_the_package_is_named(checkout: Path) -> None:
    parts = {entry.name for entry in (checkout / "flowerpower").iterdir()} - NOT_NAMED
    known = {part for name in named(checkout) for part in name.split("/")}

    assert not parts - known
