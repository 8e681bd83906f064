"""The tasks as nodes: a node needs what its arguments are named after."""

from __future__ import annotations


def orders(day: str) -> list[float]:
    """Return the orders of a day."""
    return [10.5, 2.25]


def total(orders: list[float]) -> float:
    """Return what they are worth together."""
    return sum(orders)


def report(total: float, day: str) -> str:
    """Say it in one line."""
    return f"{day}: {total}"
