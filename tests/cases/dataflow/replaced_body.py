"""`does` replaces the body, `hamilton_exclude` and caches take a function out."""

import functools

from hamilton.function_modifiers import cache, does, hamilton_exclude, schema


def _total(**parts: float) -> float:
    return sum(parts.values())


@does(_total)
def total(web: float, shop: float = 0.0) -> float:
    pass


@hamilton_exclude
def helper(anything):
    return anything


@functools.lru_cache(maxsize=8)
def remembered(key):
    return key


@cache(behavior="recompute")
def now(total: float) -> float:
    return total
