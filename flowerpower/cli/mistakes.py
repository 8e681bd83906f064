"""Wrong calls: what is wrong with a command line, and what was meant.

Their exit code is 1, since 2 is kept for pending changes.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowerpower.cli.commands import COMMANDS
from flowerpower.cli.terminal import choose_style, color_asked
from flowerpower.nearest import nearest
from flowerpower.render.style import Style
from flowerpower.render.words import listed
from flowerpower.settings import read_settings

_MOST = 8  # names that are offered
_CHOICE = re.compile(r"'([^']+)' is not one of (.+)")
_NAME = re.compile(r"'([^']+)'")

# What people type who come from other tools, and what it is called here.
_OTHER_FLAGS = {
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
    "-C": "--project",
    "--colour": "--color",
    "--silent": "--quiet",
    "--force": "--auto-approve",
    "--why": "--reason",
    "--because": "--reason",
    "--message": "--reason",
    "-m": "--reason",
    **dict.fromkeys(("--input", "--inputs", "--param", "--params", "-p", "--conf"), "--set"),
    **dict.fromkeys(("--concurrency", "-c", "--workers", "--num-workers"), "--processes"),
    "--failed": "--status failed",
    "--running": "--status running",
}
_OTHER_COMMANDS = {
    **dict.fromkeys(("check", "lint", "test"), "validate"),
    **dict.fromkeys(("format",), "fmt"),
    **dict.fromkeys(("diff", "preview"), "plan"),
    **dict.fromkeys(("deploy", "up", "sync", "push"), "apply"),
    **dict.fromkeys(("list", "ls", "ps", "info", "show-state", "schedules", "dags", "queues"), "status"),
    **dict.fromkeys(("logs", "log", "jobs"), "runs"),
    **dict.fromkeys(("create", "add", "generate"), "new"),
    **dict.fromkeys(("delete", "destroy", "rm", "remove"), "forget"),
    **dict.fromkeys(("undo", "revert"), "rollback"),
    **dict.fromkeys(("hold", "stop", "suspend", "disable"), "pause"),
    **dict.fromkeys(("unpause", "enable", "start"), "resume"),
    **dict.fromkeys(("enqueue", "execute"), "trigger"),
    **dict.fromkeys(("retry", "requeue", "clear"), "rerun"),
    **dict.fromkeys(("serve", "daemon"), "worker"),
    **dict.fromkeys(("import",), "adopt"),
    **dict.fromkeys(("graph", "draw"), "dag"),
    **dict.fromkeys(("version",), "--version"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a call, and what to do."""

    message: str
    hint: str


def tell(error: Any, arguments: Sequence[str]) -> int:
    """Tell of a wrong flag or argument, and return the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return 1
    mistake, environment = understand(error, arguments), read_settings().environment
    if "--json" in arguments or environment.get("FLOWERPOWER_JSON", "").lower() in ("1", "true", "yes", "on"):
        failure = {"message": mistake.message, "hint": mistake.hint, "exit_code": 1}
        sys.stdout.write(json.dumps({"format_version": "1.0", "errored": True, "error": failure}) + "\n")
        sys.stdout.flush()
    style = choose_style(sys.stderr, environment, color_asked(arguments, environment))
    sys.stderr.write(_text(mistake, style))
    return 1


def _text(mistake: Mistake, style: Style) -> str:
    return f"{style('Error', 'error')}: {mistake.message}\n{style('hint', 'strong')}: {mistake.hint}\n"


def understand(error: Any, arguments: Sequence[str]) -> Mistake:
    """Return what an exception of the command line means for who typed it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "flowerpower"
    if path == "flowerpower" and arguments[:1] and arguments[0] in COMMANDS:
        path = f"flowerpower {arguments[0]}"
    if flag := getattr(error, "option_name", "") if type(error).__name__ == "NoSuchOption" else "":
        return _unknown_flag(flag, context, arguments, path)
    message = error.format_message().replace("Value error, ", "")
    message = " ".join(message.partition(" Did you mean ")[0].split())
    hint = f"see {path} --help"
    if message.startswith("No such command") and context is not None:
        typed = next((word for word in arguments if repr(word) in message), "")
        meant = _nearest(typed, context.command.commands, _OTHER_COMMANDS if path == "flowerpower" else {})
        hint = f"did you mean {path} {meant}? {hint}" if meant else hint
    if (choice := _CHOICE.search(message)) and (meant := _nearest(choice[1].lower(), _NAME.findall(choice[2]), {})):
        hint = f"did you mean {meant!r}? {hint}"
    if type(error).__name__ == "MissingParameter" and (names := _offered(path)):
        hint = f"there {'is' if len(names) == 1 else 'are'} {listed(names, _MOST)}; {hint}"
    return Mistake(message, hint)


def _offered(path: str) -> list[str]:
    """Return what a shell would offer for the argument that is missing; nothing where nobody knows."""
    from flowerpower.cli.completing import complete

    try:
        values = complete([*path.split()[1:], ""], helped=False).values
    except Exception:  # noqa: BLE001 - a help that cannot be given is no reason to fail otherwise
        return []
    return [text for text, _ in values if not text.startswith("-")]


def _unknown_flag(flag: str, context: Any, arguments: Sequence[str], path: str) -> Mistake:
    words = [name for parameter in context.command.params for name in (*parameter.opts, *parameter.secondary_opts)]
    known = [name for name in words if name.startswith("-")]  # an argument is none
    hint = f"see {path} --help"
    if flag in ("--install-completion", "--show-completion"):
        return Mistake(
            f"{path} has no flag {flag}", "completion is a command: flowerpower completion bash, zsh or fish"
        )
    if context.parent is None:
        at = next((number for number, word in enumerate(arguments) if word in COMMANDS), None)
        if at is not None:
            right = shlex.join([arguments[at], *arguments[:at], *arguments[at + 1 :]])
            return Mistake(f"{flag} stands before the command", f"flags come after it: flowerpower {right}")
    elif meant := _nearest(flag, known, _OTHER_FLAGS):
        hint = f"did you mean {meant}? {hint}"
    return Mistake(f"{path} has no flag {flag}", hint)


def _nearest(typed: str, known: Mapping[str, Any] | Sequence[str], others: Mapping[str, str]) -> str:
    """Return what was meant: a word of another tool for something that there is here, or the nearest by its letters."""
    meant = others.get(typed, "")
    if meant and (meant.partition(" ")[0] in known or meant == "--version"):
        return meant
    if meant and typed.startswith("--"):  # of which the letters resemble nothing that is meant
        return ""
    bare = {name.lstrip("-"): name for name in known}
    start = typed.lstrip("-")
    near = nearest(start, bare) or next((name for name in bare if start and name.startswith(start)), "")
    return bare.get(near, "")
