from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .one import orders as _orders
try:
    from . import one as _one
except ImportError:
    _one = None


def report(day: str) -> str:
    from .one import orders

    return day
