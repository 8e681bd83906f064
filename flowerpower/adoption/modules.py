"""The Hamilton module that calls a function as RQ called it."""

from __future__ import annotations

from flowerpower.adoption.values import FILL_IN

_TEXT = '''\
"""Calls {function}, which RQ ran before. Written by `flowerpower adopt`, and yours to change."""

from typing import Any


def result(args: list[Any], kwargs: dict[str, Any]) -> Any:
    """What the function returns for the arguments that its schedule has."""
    from {module} import {name} as {given}

    if "{fill_in}" in repr((args, kwargs)):
        raise ValueError("an argument of the schedule says {fill_in}: write it there")
    return {call}(*args, **kwargs)
'''


def module_text(function: str) -> str:
    """Return the module for a dotted name whose parts are Python names; nothing is imported before it runs."""
    *parts, last = function.split(".")
    if len(parts) > 1 and parts[-1][:1].isupper():  # a static method: its class is what is imported
        module, name, given, call = ".".join(parts[:-1]), parts[-1], "owner", f"owner.{last}"
    else:
        module, name, given, call = ".".join(parts), last, "function", "function"
    return _TEXT.format(function=function, module=module, name=name, given=given, call=call, fill_in=FILL_IN)
