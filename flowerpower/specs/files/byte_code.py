"""The compiled models, kept where Python keeps byte code, since that is what they are; in the cache where it cannot."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flowerpower.specs import compiled
from flowerpower.specs.files.cache import what_decides
from flowerpower.specs.files.kept import digest, load, store

if TYPE_CHECKING:
    from flowerpower.specs.loader import Models

_START, _END = "models.", ".json"
_FOR_ALL = 0o666  # as far as the umask lets it, as it is with byte code


def kept_models(cache: Path | None) -> Models | None:
    """Return the models as they were compiled for this very flowerpower and pydantic."""
    for folder in (_byte_code(), cache):
        if folder and (text := load(folder / _name())) and (models := compiled.compiled_models(text)):
            return models
    return None


def keep_models(cache: Path | None) -> None:
    """Compile the models, and keep them, if there is a place for them."""
    folder = None if sys.dont_write_bytecode else _byte_code()
    if not (folder or cache):
        return
    from flowerpower.specs.models import MODELS

    text = (compiled.compile_models(MODELS) or "").encode()
    if text and folder and store(folder / _name(), text, _FOR_ALL):
        _forget_older(folder)
    elif text and cache:
        store(cache / _name(), text)


def _forget_older(folder: Path) -> None:
    with suppress(OSError):
        for older in folder.glob(f"{_START}*{_END}"):
            if older.name != _name():
                older.unlink(missing_ok=True)


def _byte_code() -> Path | None:
    spec = compiled.__spec__
    return Path(spec.cached).parent if spec and spec.cached else None


def _name() -> str:
    return f"{_START}{digest(what_decides().encode())}{_END}"
