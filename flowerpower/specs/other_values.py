"""What is meant by a key of another tool whose value, or another key beside it, tells more than its name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flowerpower.specs.salvage import is_slip
from flowerpower.specs.shapes import shape_hint
from flowerpower.specs.suggestions import meant_duration
from flowerpower.specs.synonyms import COUNTS_OF_RETRIES, DELAYS_OF_RETRIES, snake, synonym
from flowerpower.specs.wording import flow


class ByValue(NamedTuple):
    """What to do, and the key that is there instead of the one that the name alone suggests, if it is another."""

    hint: str = ""
    key: str = ""


def by_value(meant: str, key: str, beside: Mapping[str, Any], known: Collection[str]) -> ByValue:
    """Return what is meant by a *key*, most likely for *meant*, among those *beside* it; nothing if that is all."""
    value = beside[key]
    if meant == "environments" and not _are_patches(value):
        hint = synonym(key, [name for name in known if name != meant])
        return ByValue(hint, hint.partition("'")[2].partition("'")[0])
    if meant == "retry" and (whole := _retry(beside)):
        return ByValue(f"did you mean 'retry'? Write `{whole}`")
    if meant == "intervals" and not is_slip(key, meant) and (waits := _waits(value)):
        return ByValue(f"did you mean 'intervals'? Write `intervals: [{waits}]`")
    if meant not in ("retry", "executor") or isinstance(value, bool) or not isinstance(value, int):
        return ByValue()
    return ByValue(f"did you mean '{meant}'? {shape_hint('dict_type', (meant,), value, ()).replace('w', 'W', 1)}")


def is_part_of_retry(key: str, beside: Mapping[str, Any]) -> bool:
    """Tell whether a key is a part of `retry:` that is told with the number of retries beside it."""
    return snake(key) in DELAYS_OF_RETRIES and _waits(beside.get(key)) != "" and _count(beside) > 0


def _are_patches(value: Any) -> bool:
    """Tell whether a value may be what differs between environments."""
    return isinstance(value, dict) and all(isinstance(patch, dict) or patch is None for patch in value.values())


def _retry(beside: Mapping[str, Any]) -> str:
    """Return how the waits before retries are written, with their number; nothing if none are there."""
    waits = [wait for key, value in beside.items() if snake(key) in DELAYS_OF_RETRIES and (wait := _waits(value))]
    return f"retry: {{max: {_count(beside) or 3}, intervals: [{waits[0]}]}}" if waits and "retry" not in beside else ""


def _count(beside: Mapping[str, Any]) -> int:
    counts = [value for key, value in beside.items() if snake(key) in COUNTS_OF_RETRIES and type(value) is int]
    return counts[0] if counts and "retry" not in beside else 0


def _waits(value: Any) -> str:
    """Return one wait, or several, as a list of them has these in brackets; nothing for any other value."""
    items = value if isinstance(value, list) else [value]
    written = [f"{one}s" if type(one) is int and one > 0 else meant_duration(one) for one in items]
    return ", ".join(map(flow, written)) if written and all(written) else ""
