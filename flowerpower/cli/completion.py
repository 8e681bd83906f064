"""Names that a shell completes: those of the spec files around the working folder, which costs no look into Redis."""

from __future__ import annotations

from pathlib import Path

_FOLDERS = {"schedule": "schedules", "pipeline": "pipelines"}
_ENDINGS = (".yaml", ".yml")


def schedules(incomplete: str) -> list[str]:
    """Return the schedules whose names begin so."""
    return _names("schedule", incomplete)


def pipelines(incomplete: str) -> list[str]:
    """Return the pipelines whose names begin so."""
    return _names("pipeline", incomplete)


def both(incomplete: str) -> list[str]:
    """Return the schedules and pipelines whose names begin so."""
    return sorted({*schedules(incomplete), *pipelines(incomplete)})


def _names(kind: str, incomplete: str) -> list[str]:
    from flowerpower.errors import FlowerPowerError
    from flowerpower.specs.files.walk import find_project

    try:
        folder = find_project(Path.cwd()) / _FOLDERS[kind]
        files = [file for file in folder.rglob("*") if file.suffix in _ENDINGS]
    except (FlowerPowerError, OSError):
        return []
    return sorted(file.stem for file in files if file.stem.startswith(incomplete))
