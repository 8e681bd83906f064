from datetime import date
from typing import Literal

from elsewhere import Region


def orders(day: date, region: Region, most: int = 100) -> dict: ...


def total(orders: dict, currency: str, rates: dict[str, float], most: int = 100) -> float: ...


def told(total: float, by: Literal["mail", "slack"] = "mail", text: str = None) -> str: ...
