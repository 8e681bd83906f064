"""Fingerprints of problems: the same mistake keeps its own while lines move around it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from flowerpower.errors import Problem

_PLACES = re.compile(r":\d+:\d+|\bline \d+")  # a message may name a place; that moves too
_LENGTH = 32


def fingerprints(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield a fingerprint for each problem, made of code, file, message and environment, never of its line.

    Each is unique: of several that are alike the second, third ... are told apart by their number.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for problem in problems:
        parts = (problem.code, problem.place.file, _PLACES.sub("", problem.what), *problem.environments[:1])
        seen[parts] += 1
        salted = parts if seen[parts] == 1 else (*parts, str(seen[parts]))
        whole = "\0".join(salted).encode("utf-8", "surrogatepass")
        yield hashlib.sha256(whole).hexdigest()[:_LENGTH]
