"""Blocks that Hamilton runs in parallel are nodes like others."""

from hamilton.htypes import Collect, Parallelizable


def file(folder: str) -> Parallelizable[str]:
    yield folder


def rows(file: str) -> int:
    return 1


def total(rows: Collect[int]) -> int:
    return sum(rows)
