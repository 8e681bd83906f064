"""The `flowerpower` command: what one call comes to, also when it is wrong or interrupted."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from flowerpower.cli.commands import build
from flowerpower.cli.process import INTERRUPTED, as_process


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    words = list(arguments)
    if words[:1] == ["help"]:  # as git and cargo have it
        words = [*words[1:], "--help"]
    return as_process(lambda: _invoke(words))


def _invoke(arguments: list[str]) -> int:
    try:
        listing = arguments in ([], ["--help"], ["-h"])
        answer = build(*arguments[:1], listing=listing)(args=arguments, prog_name="flowerpower", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        from flowerpower.cli.mistakes import tell

        return tell(error, arguments)
    return answer if isinstance(answer, int) else 0
