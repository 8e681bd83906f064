"""The `flowerpower` command: the list of commands, and what happens when a call is wrong or interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from flowerpower.cli.process import INTERRUPTED, as_process

# Each command and the module it lives in, in the order of the help.
COMMANDS = {
    "init": "init",
    "new": "new",
    "validate": "validate",
    "fmt": "fmt",
    "render": "render",
    "plan": "plan",
    "apply": "apply",
    "show": "show",
    "comment": "comment",
    "approved": "comment",
    "drift": "drift",
    "history": "history",
    "rollback": "rollback",
    "status": "status",
    "runs": "runs",
    "pause": "holds",
    "resume": "holds",
    "forget": "forget",
    "next": "next",
    "forecast": "forecast",
    "dev": "dev",
    "run": "run",
    "dag": "dag",
    "trigger": "trigger",
    "backfill": "backfill",
    "cancel": "cancel",
    "rerun": "rerun",
    "worker": "worker",
    "scheduler": "worker",
    "doctor": "doctor",
    "plugins": "plugins",
    "adopt": "adopt",
    "export": "export",
    "schema": "schema",
    "completion": "shell",
}


ROOT_FLAGS = {"--version": "Show the version and exit.", "--help": "Show this message and exit."}


class _InOrder(TyperGroup):
    """The commands in our order; Typer's has groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=list(COMMANDS).index)


def build(*only: str, listing: bool = False) -> typer.Typer:
    """Return the application with every command, or with no more than the modules of those that are wanted.

    With *listing* its commands can be listed, in half of the time, and not called.
    """
    from flowerpower.cli.options import Catalogue

    app = (Catalogue if listing else typer.Typer)(
        name="flowerpower",
        cls=_InOrder,
        help="GitOps for scheduled data pipelines: plan and apply YAML in git to live RQ state in Redis.",
        epilog="Most flags have a variable: --allow-dirty is FLOWERPOWER_ALLOW_DIRTY. "
        "Example: flowerpower init acme && cd acme && flowerpower plan",
        no_args_is_help=True,
        add_completion=False,  # `flowerpower completion` does it, in a third of the time
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_version)
    wanted = [COMMANDS[name] for name in only if name in COMMANDS]
    for module in dict.fromkeys(wanted or COMMANDS.values()):
        import_module(f"flowerpower.cli.{module}").register(app)
    return app


def _version(
    version: bool = typer.Option(False, "-V", "--version", help=ROOT_FLAGS["--version"], is_eager=True),
) -> None:
    if version:
        from flowerpower.version import __version__

        typer.echo(f"flowerpower {__version__}")
        raise typer.Exit


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
