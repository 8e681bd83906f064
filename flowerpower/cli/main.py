"""The `flowerpower` command: the list of commands, and what happens when a call is wrong or interrupted."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from flowerpower.cli.process import INTERRUPTED, as_process

# Each command and the module it lives in, in the order of the help.
_COMMANDS = {
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
}


def build(only: str = "") -> typer.Typer:
    """Return the application with every command, or with no more than the module of the one that is wanted."""
    app = typer.Typer(
        name="flowerpower",
        help="GitOps for scheduled data pipelines: plan and apply YAML in git to live RQ state in Redis.",
        epilog="Every flag has a variable: --allow-dirty is FLOWERPOWER_ALLOW_DIRTY. "
        "Example: flowerpower init acme && cd acme && flowerpower plan",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_version)
    for module in dict.fromkeys([_COMMANDS[only]] if only in _COMMANDS else _COMMANDS.values()):
        import_module(f"flowerpower.cli.{module}").register(app)
    return app


def _version(
    version: bool = typer.Option(False, "-V", "--version", help="Show the version and exit.", is_eager=True),
) -> None:
    if version:
        from flowerpower import __version__

        typer.echo(f"flowerpower {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    return as_process(lambda: _invoke(list(arguments)))


def _invoke(arguments: list[str]) -> int:
    try:
        answer = build(*arguments[:1])(args=arguments, prog_name="flowerpower", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _wrong_call(error, arguments)
    return answer if isinstance(answer, int) else 0


# What people type who come from other tools, and what it is called here.
_OTHER_WORDS = {
    "--yes": "--auto-approve",
    "-y": "--auto-approve",
    "--assume-yes": "--auto-approve",
    "--environment": "--env",
    "-e": "--env",
    "--output": "--out",
    "-out": "--out",
    "-o": "--out",
    "--var-file": "--var",
    "--chdir": "--project",
}


def _point_out(error: Exception) -> None:
    """Let the message of an unknown flag name the one that was meant, if this command has it."""
    meant, context = _OTHER_WORDS.get(getattr(error, "option_name", "")), getattr(error, "ctx", None)
    if context is not None and any(meant in parameter.opts for parameter in context.command.params):
        error.possibilities = [meant]  # type: ignore[attr-defined]


def _wrong_call(error: Exception, arguments: Sequence[str]) -> int:
    """Tell of a wrong flag or argument; exit code 2 is kept for pending changes, so this is 1."""
    _point_out(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")  # type: ignore[attr-defined]
        return 1
    message = error.format_message().replace("Value error, ", "")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "flowerpower"
    hint = f"see {path} --help"
    if "--json" in arguments:
        failure = {"message": message, "hint": hint, "exit_code": 1}
        sys.stdout.write(json.dumps({"format_version": "1.0", "errored": True, "error": failure}) + "\n")
    sys.stderr.write(f"Error: {message}\nhint: {hint}\n")
    return 1
