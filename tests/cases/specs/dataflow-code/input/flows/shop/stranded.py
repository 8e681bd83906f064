from ..one import orders as _orders


def report(day: str) -> str:
    return day
