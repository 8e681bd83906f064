"""The list of commands, and the application that is made of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

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
    """Return the application with every command, or with no more than those that are wanted.

    With *listing* its commands can be listed, in half of the time, and not called.
    """
    from flowerpower.cli.options import OFFERED, Catalogue

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
    for name in [name for name in only if name in COMMANDS] or COMMANDS:
        import_module(f"flowerpower.cli.{COMMANDS[name]}")
        OFFERED[name](app)
    return app


def _version(
    version: bool = typer.Option(False, "-V", "--version", help=ROOT_FLAGS["--version"], is_eager=True),
) -> None:
    if version:
        from flowerpower.version import __version__

        typer.echo(f"flowerpower {__version__}")
        raise typer.Exit
