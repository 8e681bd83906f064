"""Secrets from a file of `NAME=value` lines, which another program keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowerpower.pipelines.secrets import Provider


def pass_file(environment: Mapping[str, str]) -> Provider:
    """Return what is asked for each secret that is neither in the environment nor in the folder of secrets."""
    file = environment.get("EXAMPLE_PASS_FILE", "")

    def lookup(name: str) -> str | None:
        lines = Path(file).read_text(encoding="utf-8").splitlines() if file else []
        return next((line.removeprefix(f"{name}=") for line in lines if line.startswith(f"{name}=")), None)

    return lookup
