"""Which files of a project hold specs, by their paths alone."""

from __future__ import annotations

PROJECT_FILES = ("flowerpower.yaml", "flowerpower.yml")
SPEC_FOLDERS = ("pipelines", "schedules")
SPEC_STARTS = tuple(f"{folder}/" for folder in SPEC_FOLDERS)
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


def kind_of_file(path: str) -> str | None:
    """Return what a file of a project holds by its path: project, pipeline, schedule, or None for no spec."""
    if path in PROJECT_FILES:
        return "project"
    folder, _, rest = path.partition("/")
    if rest.endswith((".yaml", ".yml")) and folder in SPEC_FOLDERS:
        return folder.removesuffix("s")
    return None


def inside(folder: str) -> str:
    """Return a folder of the project in its plain form: nothing for one outside, the whole project for a variable."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    if folder.startswith("/") or ".." in parts or "\0" in folder:
        return ""
    if "${" in folder:
        return "."
    return "/".join(parts) or "."


def may_declare(text: bytes) -> bool:
    """Tell whether a file may say something of environments, by its text alone; an escape may hide any key."""
    return b"environments" in text or b"\\" in text
