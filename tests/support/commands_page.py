"""Writes docs/cli.md and the variables of docs/environment.md from the commands as they are.

`make docs` runs this module; a test fails while the pages are not what it would write. A new command or flag needs
nothing here, but for the exit codes that only it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from typer.main import get_command

from flowerpower.cli.commands import build
from flowerpower.cli.options import General

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "cli.md"
VARIABLES = DOCS / "environment.md"
_GENERAL = [field.name for field in fields(General)]
_BEGIN, _END = "<!-- made by `make docs` -->\n", "\n<!-- made by hand again -->"
_GUARD, _STALE = "refused by a [guard](guards.md)", "the plan is stale, or not the approved one"
_AFTER = "applied, but what follows it failed"
_EXITS = {  # beside 0, 1 and 130, which mean the same everywhere
    "plan": {3: "what `--untrusted` must not do"},
    "apply": {3: _GUARD, 4: _STALE, 6: _AFTER},
    "rollback": {3: _GUARD, 4: _STALE, 6: _AFTER},
    "drift": {2: "something was changed behind git's back"},
    "backfill": {3: "the window has more ticks than `--allow-ticks`"},
    "rerun": {3: "it succeeded before, and `--again` is not given; or too many ended so"},
}
_FAILS = {  # what 1 means beside an error
    "validate": "a spec is wrong",
    "fmt": "with `--check` or `--diff`: a file would change",
    "schema": "with `--check`: a file is not that of this version",
    "doctor": "something fails",
    "trigger": "with `--wait`: the run did not succeed",
    "rerun": "with `--wait`: the run did not succeed",
    "backfill": "a run did not succeed",
}
_INTRODUCTION = """\
# Commands

<!-- Written by `make docs` from the commands themselves. -->

After this page you know every command, its flags, their variables and what its exit code means. `flowerpower COMMAND
--help` says the same of the version you have.

Results go to stdout, talk to stderr. Most flags can be set by a variable, named in their row: a flag wins over its
variable. A flag that is on or off takes `1` or `true`. Exit codes are explained [here](exit-codes.md).

## Flags of every command

"""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, in the order of the help; of a group its commands."""
    yield from _inside("", get_command(build()))


def commands_page() -> str:
    """Return the page of all commands."""
    found = list(commands())
    general = {option.name: option for _, command in found for option in _options(command) if option.name in _GENERAL}
    parts = [_INTRODUCTION + _flags(general.values()), "## All commands\n\n| command | does |\n|---|---|"]
    parts[-1] += "".join(f"\n| [`{name}`](#{_anchor(name)}) | {_cell(_summary(command))} |" for name, command in found)
    return "\n".join([*parts, "", *(_section(name, command) for name, command in found)])


def variables_page(text: str) -> str:
    """Return the page of variables with its table of flags made anew."""
    flags: dict[str, dict[str, Any]] = {}
    for name, command in commands():
        for option in _options(command):
            if option.envvar:
                flags.setdefault(str(option.envvar), {})[name] = option
    head, rest = text.split(_BEGIN, maxsplit=1)[0], text.split(_END)[1]
    rows = [f"| `{variable}` | {_uses(flags[variable])} |" for variable in sorted(flags)]
    return f"{head}{_BEGIN}\n| variable | is the flag |\n|---|---|\n" + "\n".join(rows) + f"\n{_END}{rest}"


def _inside(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if getattr(inner, "hidden", False):
            continue
        if getattr(inner, "commands", None):
            yield from _inside(f"{prefix}{name} ", inner)
        else:
            yield f"{prefix}{name}", inner


def _uses(uses: dict[str, Any]) -> str:
    flags = sorted({option.opts[-1] for option in uses.values()})
    everywhere = next(iter(uses.values())).name in _GENERAL
    names = "every command" if everywhere else ", ".join(f"[{name}](cli.md#{_anchor(name)})" for name in uses)
    return ", ".join(f"`{flag}`" for flag in flags) + f" of {names}"


def _options(command: Any) -> list[Any]:
    return [
        one
        for one in command.params
        if one.param_type_name == "option" and not getattr(one, "hidden", False) and one.name != "help"
    ]


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    own = [option for option in _options(command) if option.name not in _GENERAL]
    usage = " ".join(["flowerpower", name, *(["[FLAGS]"] if own else []), *map(_usage, arguments)])
    parts = [f"## `{name}`\n", f"{_words(command.help)}\n", f"```text\n{usage}\n```\n"]
    if arguments:
        rows = "\n".join(f"| `{_usage(one).strip('[]')}` | {_cell(one.help)} |" for one in arguments)
        parts.append(f"| argument | what it is |\n|---|---|\n{rows}\n")
    if own:
        parts.append(_flags(own))
    parts.append(f"Exit codes: {_exits(name, own)}.\n")
    examples = (command.epilog or "").removeprefix("Example: ").split("; flowerpower ")
    shown = "\n$ flowerpower ".join(examples)
    return "\n".join([*parts, f"```console\n$ {shown}\n```\n"] if command.epilog else parts)


def _exits(name: str, own: list[Any]) -> str:
    said = {0: "done", 1: "an error", **_EXITS.get(name, {}), 130: "interrupted"}
    if any("--detailed-exitcode" in option.opts for option in own):
        said[2] = "with `--detailed-exitcode`: changes are pending"
    if name in _FAILS:
        said[1] += f", or {_FAILS[name]}"
    return "; ".join(f"**{code}** {said[code]}" for code in sorted(said))


def _flags(options: Any) -> str:
    rows = (f"| {_written(one)} | {_cell(one.help)}{_default(one)} | {_variable(one)} |" for one in options)
    return "| flag | what it does | variable |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _written(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or _kind(option)}".replace("|", "\\|")
    names = [*option.opts, *option.secondary_opts]
    return ", ".join(f"`{each}{value if each == option.opts[-1] else ''}`" for each in names)


def _kind(option: Any) -> str:
    choices = getattr(getattr(option.type_descriptor, "annotation", None), "__args__", ())
    return "|".join(map(str, choices)) if choices and all(isinstance(each, str) for each in choices) else "VALUE"


def _default(option: Any) -> str:
    plain = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    return f" Default: `{option.default}`." if plain and str(option.default) else ""


def _variable(option: Any) -> str:
    return f"`{option.envvar}`" if option.envvar else ""


def _usage(argument: Any) -> str:
    word = (argument.metavar or argument.name.upper()).removesuffix("...")
    word += "..." if argument.nargs == -1 else ""
    return word if argument.required else f"[{word}]"


def _summary(command: Any) -> str:
    return command.short_help or _words(command.help).partition(". ")[0]


def _words(text: str | None) -> str:
    paragraphs = (text or "").replace("\b", "").strip().split("\n\n")
    return "\n\n".join(re.sub(r"\s*\n\s*", "\n", paragraph) for paragraph in paragraphs)


def _cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").replace("|", "\\|").strip()


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
    VARIABLES.write_text(variables_page(VARIABLES.read_text(encoding="utf-8")), encoding="utf-8")
