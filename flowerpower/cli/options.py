"""Flags that several commands share, as groups: a command takes a group as one argument.

`command` makes a function of groups and its own flags a command: it builds the session, runs the function
and turns what it raises into an exit code. Every flag can also be given by its FLOWERPOWER_ variable.
"""

from __future__ import annotations

import inspect
import shlex
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial, wraps
from typing import Annotated, Any, TypeVar

import typer

from flowerpower.cli import completion
from flowerpower.cli.help_text import OF_EVERY_COMMAND, PlainCommand
from flowerpower.cli.process import quietly_closed
from flowerpower.cli.session import Session
from flowerpower.cli.terminal import Color
from flowerpower.errors import UsageError
from flowerpower.proposed import without_secrets
from flowerpower.settings import read_settings

if typing.TYPE_CHECKING:
    from flowerpower.specs.files.walk import Named

_WIDE = {"max_content_width": 100}


def flag(*names: str, help: str, env: str | None = None, **more: Any) -> Any:
    """Return a Typer option; its variable is FLOWERPOWER_ and the first long name, unless *env* says otherwise."""
    long = next((name.partition("/")[0] for name in names if name.startswith("--")), "")
    variable = env or f"FLOWERPOWER_{long.removeprefix('--').replace('-', '_').upper()}"
    return typer.Option(*names, help=help, envvar=variable if env != "" else None, show_envvar=False, **more)


_general = partial(flag, rich_help_panel=OF_EVERY_COMMAND)


@dataclass(frozen=True)
class General:
    """The flags of every command."""

    project: Annotated[
        str | None,
        _general(
            "--project",
            help="Folder or URL of the project; without it, this folder or the nearest above.",
            metavar="DIR",
        ),
    ] = None
    env: Annotated[
        str | None,
        _general(
            "--env",
            help="Environment, one of the project's `environments:`.",
            metavar="NAME",
            autocompletion=completion.environments,
        ),
    ] = None
    redis: Annotated[
        str | None,
        _general(
            "--redis",
            help="Redis URL, or `embedded`, instead of the project's `redis:`.",
            metavar="URL",
            autocompletion=completion.words("embedded"),
        ),
    ] = None
    var: Annotated[
        list[str] | None,
        _general(
            "--var",
            help="Value for ${var:NAME}; may be repeated.",
            env="",
            metavar="NAME=VALUE",
        ),
    ] = None
    json: Annotated[bool, _general("--json", help="Print one JSON document and nothing else.")] = False
    color: Annotated[
        Color | None, _general("--color", help="Colours; auto: on a terminal, or as NO_COLOR and FORCE_COLOR say.")
    ] = None
    no_color: Annotated[bool, _general("--no-color", help="The same as --color never.")] = False
    quiet: Annotated[bool, _general("-q", "--quiet", help="No talk, results only.")] = False
    verbose: Annotated[bool, _general("-v", "--verbose", help="Say more.")] = False
    debug: Annotated[bool, _general("--debug", help="Show tracebacks.")] = False

    @property
    def wanted_color(self) -> Color:
        """What the two flags for colours say together."""
        return self.color or ("never" if self.no_color else "auto")


@dataclass(frozen=True)
class Revision:
    """The flag of commands that can read specs from git."""

    ref: Annotated[
        str | None,
        flag(
            "--ref",
            help="Take the specs from this git revision, without a checkout.",
            metavar="REV",
            autocompletion=completion.revisions,
        ),
    ] = None


@dataclass(frozen=True)
class Trust:
    """The flag of commands that can look at a checkout of somebody else."""

    untrusted: Annotated[
        bool,
        flag(
            "--untrusted",
            help="The checkout is somebody else's: ignore its `redis:`, run nothing of it; needs --redis.",
        ),
    ] = False


@dataclass(frozen=True)
class Overrides:
    """The ways past the guards, one for each."""

    allow_empty: Annotated[bool, flag("--allow-empty", help="Allow that no schedule is left.")] = False
    allow_deletes: Annotated[
        str | None, flag("--allow-deletes", help="Allow so many deletes: 3, or 25%.", metavar="N|PCT")
    ] = None
    allow_takeover: Annotated[bool, flag("--allow-takeover", help="Allow taking over from another repository.")] = False
    allow_older_commit: Annotated[
        bool, flag("--allow-older-commit", help="Allow a commit that does not descend from the one applied last.")
    ] = False
    allow_dirty: Annotated[bool, flag("--allow-dirty", help="Allow uncommitted changes.")] = False
    accept_cutover: Annotated[
        bool, flag("--accept-cutover", help="Accept that more is skipped or doubled than the approved plan said.")
    ] = False
    allow_cancel: Annotated[
        bool, flag("--allow-cancel", help="Allow stopping running runs, where `on_inflight: cancel` asks for it.")
    ] = False
    allow_long_commit: Annotated[
        bool, flag("--allow-long-commit", help="Allow blocking Redis with more than 20,000 changes.")
    ] = False
    allow_damaged: Annotated[
        bool, flag("--allow-damaged", help="Allow deleting what is damaged in Redis and may have been protected.")
    ] = False


@dataclass(frozen=True)
class AllOverrides(Overrides):
    """The same, and the way past checks of plug-ins, which a rollback does not ask."""

    allow_twin: Annotated[
        bool, flag("--allow-twin", help="Allow schedules that another namespace of this Redis fires already.")
    ] = False
    allow_check: Annotated[
        list[str] | None,
        flag(
            "--allow-check",
            metavar="CODE",
            help="Set aside the refusals of a plug-in's check with this code; may be repeated.",
        ),
    ] = None


class Catalogue(typer.Typer):
    """An application whose commands can be listed and not called: their flags, hundreds of them, are not looked at."""


def _listed() -> None:
    """Stand for a command in a list."""


Function = TypeVar("Function", bound=Callable[..., int | None])
OFFERED: dict[str, Callable[[typer.Typer], None]] = {}
"""What adds a command to an application, by its name; of the commands whose modules are loaded."""


def command(name: str, summary: str, example: str) -> Callable[[Function], Function]:
    """Offer a function as a command. It gets the session first, its groups and flags by name, and returns the exit
    code, or None for 0.
    """

    def offer(function: Function) -> Function:
        OFFERED[name] = lambda app: add_command(app, name, summary, example, function)
        return function

    return offer


def add_command(app: typer.Typer, name: str, summary: str, example: str, function: Callable[..., int | None]) -> None:
    """Add a command to an application, or to a group of it."""
    wrapped = _listed if isinstance(app, Catalogue) else _wrap(function)
    shown: dict[str, Any] = {"short_help": summary, "epilog": f"Example: {example}", "context_settings": _WIDE}
    app.command(name, cls=PlainCommand, **shown)(wrapped)


def _wrap(function: Callable[..., int | None]) -> Callable[..., None]:
    groups, parameters = _expand(function)

    @wraps(function)
    def run(**given: Any) -> None:
        made = {name: _taken(group, given) for name, group in groups.items()}
        general: General = made.pop("")
        revision = next((group for group in made.values() if isinstance(group, Revision)), Revision())
        trust = next((group for group in made.values() if isinstance(group, Trust)), Trust())
        try:
            code = guarded(general, revision, trust, lambda session: function(session, **given, **made))
        except BrokenPipeError:  # which Typer would make exit code 1
            code = quietly_closed()
        raise typer.Exit(code)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _taken(group: type[Any], given: dict[str, Any]) -> Any:
    return group(**{field.name: given.pop(field.name) for field in fields(group)})


def _expand(function: Callable[..., Any]) -> tuple[dict[str, type[Any]], list[inspect.Parameter]]:
    """Return the groups by parameter name (the general one by ``), and the parameters that Typer should see."""
    hints = typing.get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {}
    own: list[inspect.Parameter] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        hint = hints[parameter.name]
        if isinstance(hint, type) and is_dataclass(hint):
            groups[parameter.name] = hint
        else:
            own.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))
    groups[""] = General
    # mypy takes no class for hashable
    return groups, [*own, *(parameter for group in groups.values() for parameter in _parameters(group))]  # type: ignore[arg-type]


@cache
def _parameters(group: type[Any]) -> tuple[inspect.Parameter, ...]:
    hints = typing.get_type_hints(group, include_extras=True)
    return tuple(
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    )


def guarded(general: General, revision: Revision, trust: Trust, work: Callable[[Session], int | None]) -> int:
    """Run a command's work in a session and return its exit code; nothing it raises becomes a traceback."""
    session = Session(read_settings(), json=general.json, color=general.wanted_color, debug=general.debug)
    try:
        named = _named(general.project)
        settings = read_settings(
            project=named.folder, env=general.env, redis=general.redis, variables=read_variables(general.var or ())
        )
        session = session._replace(
            settings=settings._replace(untrusted=trust.untrusted, url=named.url),
            ref=revision.ref,
            quiet=general.quiet,
            verbose=general.verbose,
            given=repeated_flags(general, settings.environment),
        )
        return work(session) or 0
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a message instead of a traceback
        return session.fail(error)


def _named(project: str | None) -> Named:
    """Return where a project is; raise UsageError for a revision in its URL, which not every command would heed."""
    from flowerpower.specs.files.walk import named_place  # which loads what `--help` need not wait for

    named = named_place(project or ".")
    if named.ref is not None:
        hint = f"--project {shlex.quote(str(named.folder))} --ref {shlex.quote(named.ref)}"
        raise UsageError("--project names no revision", hint=f"give it apart: {hint}")
    return named


def repeated_flags(general: General, environment: typing.Mapping[str, str]) -> dict[str, str]:
    """Return the flags that say which project and which Redis is meant, unless variables do; never a password."""
    named = {"--project": str(general.project or "."), "--redis": general.redis or ""}
    said = {flag: environment.get(f"FLOWERPOWER_{flag[2:].upper()}") for flag in named}
    shown = named | {"--redis": "embedded" if general.redis == "embedded" else without_secrets(named["--redis"])}
    if "://" in named["--project"]:
        from flowerpower.filesystem import hide_credentials

        shown["--project"] = hide_credentials(named["--project"])
    return {
        flag: shlex.quote(shown[flag])
        for flag, value in named.items()
        if value not in ("", ".", said[flag]) and shown[flag]
    }


def separate(texts: typing.Iterable[str] | None) -> tuple[str, ...]:
    """Return the words of a flag that may be repeated, and may hold several with commas between."""
    return tuple(word.strip() for text in texts or () for word in text.split(",") if word.strip())


def read_variables(pairs: typing.Iterable[str]) -> dict[str, str]:
    """Return `NAME=VALUE` texts as a mapping; raise `UsageError` for any other text."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--var wants NAME=VALUE, not {name!r}", hint="for example --var REGION=EU")
        found[name] = value
    return found
