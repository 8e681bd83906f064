"""Files that git cannot hold, or should not: described in a case's `build.json`, and made in a copy of its input.

A description maps a path to a recipe. A recipe is a text, or a mapping with one of these keys:
`hex` and `base64` (bytes), `repeat` and `times` (a long text, `first` before it), `link` (its target), `pipe`,
`folder`, and perhaps `mode`, the permissions in octal.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest


def build_case(case: Path, into: Path) -> Path:
    """Return the input of a case; with a `build.json`, a copy of it in which that was done."""
    description = case / "build.json"
    if not description.exists():
        return case / "input"
    folder = into / "input"
    shutil.copytree(case / "input", folder)
    recipes: dict[str, Any] = json.loads(description.read_text(encoding="utf-8"))
    for path, recipe in recipes.items():
        _make(folder, path, {"text": recipe} if isinstance(recipe, str) else recipe)
    return folder


def _make(folder: Path, path: str, recipe: Mapping[str, Any]) -> None:
    # A lone surrogate in JSON stands for a byte that is not UTF-8, as it does in Python's own file names.
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if "link" in recipe:
        file.symlink_to(recipe["link"])
    elif "pipe" in recipe:
        os.mkfifo(file)
    elif "folder" in recipe:
        file.mkdir()
    else:
        try:
            file.write_bytes(_content(recipe))
        except OSError as error:
            pytest.skip(f"this file system has no such name: {error.strerror}")
    if "mode" in recipe:
        file.chmod(int(recipe["mode"], 8))
        if os.access(file, os.R_OK):
            pytest.skip("root may read every file")


def _content(recipe: Mapping[str, Any]) -> bytes:
    if "hex" in recipe:
        return bytes.fromhex(recipe["hex"])
    if "base64" in recipe:
        return base64.b64decode(recipe["base64"], validate=True)
    if "repeat" in recipe:
        return str(recipe.get("first", "")).encode() + str(recipe["repeat"]).encode() * int(recipe["times"])
    return str(recipe["text"]).encode("utf-8", "surrogateescape")
