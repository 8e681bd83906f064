"""How a part that is missing gets here: by pip, or by the tool that keeps this environment and has no pip in it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

DISTRIBUTION = "flowerpower-gitops"


def install_command(extra: str, environment: Path | None = None) -> str:
    """Return the command that adds an extra to the environment that this Python runs in."""
    where = environment or Path(sys.prefix)
    asked = _asked_of_uv(where / "uv-receipt.toml")
    if DISTRIBUTION in asked:
        others = "".join(f" --with {shlex.quote(name)}" for name in asked if name != DISTRIBUTION)
        return f"uv tool install '{DISTRIBUTION}[{','.join(sorted({*asked[DISTRIBUTION], extra}))}]'{others}"
    if where.name.startswith(DISTRIBUTION) and (where / "pipx_metadata.json").is_file():
        return f"pipx inject {where.name} '{DISTRIBUTION}[{extra}]'"
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def _asked_of_uv(receipt: Path) -> dict[str, list[str]]:
    """Return what `uv tool install` was asked for, with its extras: it forgets what is not asked for again."""
    if not receipt.is_file():
        return {}
    import tomllib

    try:
        requirements = tomllib.loads(receipt.read_text(encoding="utf-8"))["tool"]["requirements"]
        return {str(one["name"]): [str(extra) for extra in one.get("extras", [])] for one in requirements}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # one of another uv
        return {}
