"""How a command's help names what it takes: NAME and FILES..., never `{name} <list[str]>`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand

OF_EVERY_COMMAND = "Options of every command"
_CHOICES = re.compile(r"<[^<>]*\|[^<>]*>$")
_NUMBER = re.compile(r"<(int|float)\b[^<>|]*>$")
_TYPE = re.compile(r"<[^<>|]*>$")
_FILE = re.compile(r"FILE|DIR")
_NO_TEXT = re.compile("[\ud800-\udfff]")  # how Python writes bytes that are not UTF-8


class PlainCommand(TyperCommand):
    """A command that shows its arguments in capitals, an optional one in brackets, and no types of Python.

    Each flag and each argument that is given says something.
    """

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        parameters: list[Any] = self.params
        for parameter in parameters:
            which = _record if parameter.param_type_name == "argument" else _value
            parameter.get_help_record = partial(which, parameter, parameter.get_help_record)
        for argument in self._arguments():
            argument.metavar = argument.metavar or argument.name.upper()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an empty value: a script's variable that is not set must not mean no flag, or all there are.

        Also one that is no text, unless it may be the name of a file, which can be any bytes.
        """
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        parameters: list[Any] = self.params
        for parameter in parameters:
            value = given.get(parameter.name)
            values = value if isinstance(value, (list, tuple)) else [value]
            if "" in values:
                message = "it is empty; is the variable that it comes from not set?"
                raise BadParameter(message, ctx=ctx, param=parameter)
            is_file = _FILE.search(parameter.metavar or parameter.name.upper())
            if odd := [word for word in values if isinstance(word, str) and _NO_TEXT.search(word) and not is_file]:
                shown = odd[0].encode(errors="backslashreplace").decode()
                raise BadParameter(f"'{shown}' is no text in UTF-8", ctx=ctx, param=parameter)
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the name in the usage line."""
        words = (word_of(argument) for argument in self._arguments())
        needed = (argument.required for argument in self._arguments())
        return ["[OPTIONS]", *(word if must else f"[{word}]" for word, must in zip(words, needed, strict=True))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the flags of this command, and below them those that every command has."""
        told: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], OF_EVERY_COMMAND: []}
        parameters: list[Any] = self.get_params(ctx)
        for parameter in parameters:
            title = "Arguments" if parameter.param_type_name == "argument" else _title(parameter)
            told[title] += [record for record in [parameter.get_help_record(ctx)] if record]
        if not told["Options"]:
            told["Options"] = told.pop(OF_EVERY_COMMAND)
        for title, records in told.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _arguments(self) -> list[Any]:
        return [parameter for parameter in self.params if parameter.param_type_name == "argument"]


def _title(flag: Any) -> str:
    return OF_EVERY_COMMAND if flag.name == "help" else flag.rich_help_panel or "Options"


def word_of(argument: Any) -> str:
    """Return what stands for an argument: its name in capitals, with dots where several may be given."""
    word = str(argument.metavar or argument.name.upper()).removesuffix("...")
    return word if argument.nargs == 1 else f"{word}..."


def _record(argument: Any, told: Callable[[Any], tuple[str, str] | None], ctx: Any) -> tuple[str, str] | None:
    found = told(ctx)
    if found is None:
        return None
    choices = _CHOICES.search(found[0])
    return f"{word_of(argument)} {choices[0]}" if choices else word_of(argument), found[1]


def _value(option: Any, told: Callable[[Any], tuple[str, str] | None], ctx: Any) -> tuple[str, str] | None:
    found = told(ctx)
    if found is None:
        return None
    word = max(option.opts, key=len).lstrip("-").upper()
    return _TYPE.sub(word, _NUMBER.sub("N", found[0])), found[1]
