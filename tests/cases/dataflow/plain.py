"""Functions are nodes, parameters are what they need; a default makes an input optional."""

from dataclasses import dataclass

LIMIT = 10


@dataclass
class Order:
    amount: float


def orders(path: str, limit: int = LIMIT) -> list[Order]:
    return _read(path)[:limit]


async def total(orders: list[Order]) -> float:
    return sum(order.amount for order in orders)


def report(total: float, *, title: str, currency: str = "EUR") -> str:
    return f"{title}: {total} {currency}"


def _read(path: str) -> list[Order]:
    return []
