"""What may stand at the cursor of a command line: the answer that the scripts in `shells/` ask for.

A shell that asks is in the middle of a line that somebody types: whatever goes wrong, it gets no answer and no words.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal

from flowerpower.cli.completion import Names, words

_FILES = {"PLANFILE": ("json",), "FILES": ("yaml", "yml")}


@dataclass(frozen=True, slots=True)
class Offer:
    """Texts, and a word about each; or files, of some endings; or folders. `kept` is what stays: `--env=`."""

    kind: Literal["values", "files", "folders"] = "values"
    values: Sequence[tuple[str, str]] = ()
    endings: Sequence[str] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """What a flag or an argument takes."""

    kind: Literal["none", "any", "names", "files", "folders"]
    names: Names | None = None
    endings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A flag, or an argument (which has no names) of a command."""

    names: Sequence[str]
    help: str
    value: Value
    repeats: bool


def answer(arguments: Sequence[str]) -> int:
    """Print what one shell asks for: `SHELL WORD...`, the last word being the one at the cursor."""
    try:
        shell, *typed = arguments
        before, trimmed = typed, ""
        if shell == "bash":
            line, at_cursor = typed
            before = split(line)[1:]
            trimmed = _trimmed(before[-1] if before else "", at_cursor)
        offer = complete(before or [""], helped=shell != "bash")
        sys.stdout.write("".join(f"{line}\n" for line in _lines(offer, shell, trimmed)))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - a shell in the middle of a line wants no words
        return 1
    return 0


def _lines(offer: Offer, shell: str, trimmed: str) -> Iterator[str]:
    """Yield the lines that a script reads: kind and endings, then each text, with what it means in zsh and fish."""
    yield " ".join([offer.kind, *offer.endings])
    if shell == "fish":
        yield offer.kept
    for text, about in offer.values:
        if shell == "bash":
            yield f"{offer.kept}{text}".removeprefix(trimmed)
        else:
            yield f"{text}\t{about}" if about else text


def _trimmed(word: str, at_cursor: str) -> str:
    """Return the beginning of a word that bash keeps by itself: it takes `--env=pr` for three words."""
    tail = "" if at_cursor in ("=", ":") else at_cursor
    return word.removesuffix(tail) if tail != word else ""


def split(line: str) -> list[str]:
    """Return the words of a line that may end within one, quotes and backslashes taken away; the last may be empty."""
    found, word, quote, inside = [], "", "", False
    letters = iter(line)
    for letter in letters:
        if letter == "\\" and quote != "'":
            word, inside = word + next(letters, ""), True
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote, inside = letter, True
        elif not quote and letter.isspace():
            found += [word] if inside else []
            word, inside = "", False
        else:
            word, inside = word + letter, True
    return [*found, word]


def complete(typed: Sequence[str], *, helped: bool = True) -> Offer:
    """Return what may stand in place of the last word, after the others."""
    from flowerpower.cli.commands import COMMANDS

    *before, word = typed
    if not before:
        return _commands(word, helped=helped)
    if before[0] == "help":
        return _commands(word, helped=helped) if len(before) == 1 else Offer()
    if before[0] not in COMMANDS:
        return Offer()
    name, rest = before[0], before[1:]
    parts = _parts_of(name)
    if isinstance(parts, dict):
        if rest and rest[0] in parts:
            return _within(parts[rest[0]], rest[1:], word, before)
        return Offer(values=[(each, "") for each in parts if each.startswith(word)])
    return _within(parts, rest, word, before)


def _commands(word: str, *, helped: bool) -> Offer:
    """Return the commands that begin so; the words about them cost the import of their modules."""
    from flowerpower.cli.commands import COMMANDS, ROOT_FLAGS, build

    if word.startswith("-"):
        return Offer(values=[pair for pair in ROOT_FLAGS.items() if pair[0].startswith(word)])
    names = [name for name in COMMANDS if name.startswith(word)]
    about: dict[str, str] = {}
    if helped:
        app = build(*names, listing=True)
        about |= {each.name or "": each.short_help or "" for each in app.registered_commands}
        about |= {str(each.name): str(each.short_help) for each in app.registered_groups}
    return Offer(values=[(name, about.get(name, "")) for name in names])


def _parts_of(name: str) -> Sequence[Part] | dict[str, Sequence[Part]]:
    """Return the flags and arguments of a command; those of each command of a group by its name."""
    import typer.main

    from flowerpower.cli.commands import build

    app = build(name)
    built: Any = typer.main.get_group(app)
    for group in app.registered_groups:
        if group.name == name and group.typer_instance:
            inner = built.commands[name].commands
            return {
                each.name or "": _parts(inner[each.name], each.callback)
                for each in group.typer_instance.registered_commands
            }
    info = next(each for each in app.registered_commands if each.name == name)
    return _parts(built.commands[name], info.callback)


def _parts(built: Any, function: Any) -> Sequence[Part]:
    annotated = {name: each.annotation for name, each in signature(function).parameters.items()}
    parts = [_part(each, annotated[each.name]) for each in built.params if each.name in annotated]
    return [*parts, Part(("--help", "-h"), "Show this message and exit.", Value("none"), repeats=False)]


def _part(parameter: Any, annotation: Any) -> Part:
    kind, info = typing.get_args(annotation)[:2]
    inner, repeats = _inner(kind)
    is_flag = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_flag else []
    value = Value("none") if inner is bool else _value(inner, info, parameter.name)
    return Part(sorted(names, key=len, reverse=True), getattr(parameter, "help", "") or "", value, repeats)


def _inner(kind: Any) -> tuple[Any, bool]:
    """Return the type of one value, and whether there may be several: `list[str] | None` is texts."""
    if isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        kind = next(each for each in typing.get_args(kind) if each is not NoneType)
    if typing.get_origin(kind) is list:
        return typing.get_args(kind)[0], True
    return kind, False


def _value(kind: Any, info: Any, name: str) -> Value:
    if info.autocompletion is not None:
        return Value("names", info.autocompletion)
    if typing.get_origin(kind) is Literal:
        return Value("names", words(*typing.get_args(kind)))
    metavar = info.metavar or name.upper()
    if kind is Path or metavar == "DIR":
        return Value("folders") if metavar == "DIR" else Value("files", endings=_FILES.get(metavar, ()))
    return Value("any")


def _within(parts: Sequence[Part], typed: Sequence[str], word: str, before: Sequence[str]) -> Offer:
    """Return what may stand after the words of one command."""
    flags = {name: part for part in parts for name in part.names}
    pending, given, positions, ended = _read(flags, typed)
    name, equals, start = word.partition("=")
    if pending is not None:
        return _offered(pending.value, word, before)
    if not ended and equals and name in flags:
        return replace(_offered(flags[name].value, start, before), kept=f"{name}=")
    if not ended and word.startswith("-"):
        return Offer(values=_flags(parts, given, word))
    arguments = [part for part in parts if not part.names]
    if positions < len(arguments) or (arguments and arguments[-1].repeats):
        return _offered(arguments[min(positions, len(arguments) - 1)].value, word, before)
    return Offer() if ended or word else Offer(values=_flags(parts, given, "--"))


def _read(flags: Mapping[str, Part], typed: Sequence[str]) -> tuple[Part | None, set[str], int, bool]:
    """Return the flag that waits for its value, the flags given, how many arguments there are, and if `--` was said."""
    pending: Part | None = None
    given: set[str] = set()
    positions, ended = 0, False
    for word in typed:
        name, equals, _ = word.partition("=")
        if pending is not None:
            pending = None
        elif not ended and word == "--":
            ended = True
        elif not ended and name in flags:
            given.update(flags[name].names)
            pending = flags[name] if not equals and flags[name].value.kind != "none" else None
        elif ended or not word.startswith("-"):
            positions += 1
    return pending, given, positions, ended


def _flags(parts: Sequence[Part], given: set[str], start: str) -> list[tuple[str, str]]:
    """Return the flags that begin so and may still be given; the short ones only to who asks for them."""
    return [
        (name, part.help)
        for part in parts
        for name in part.names
        if name.startswith(start)
        and (part.repeats or name not in given)
        and (name.startswith("--") or not start.startswith("--"))
        and (name.startswith("--") or start != "-")
    ]


def _offered(value: Value, start: str, before: Sequence[str]) -> Offer:
    if value.kind in ("files", "folders"):
        return Offer(kind=value.kind, endings=value.endings)
    if value.names is None:
        return Offer()
    found = value.names(before, start)
    return Offer(values=[(name, "") for name in found])
