def report(day: str, key: str, run: str, literal: str) -> int:
    return 1


def total() -> int:
    return 2
