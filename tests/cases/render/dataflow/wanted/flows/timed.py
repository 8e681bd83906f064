from clock import timed


@timed
def slow() -> int:
    return 2


def end(slow: int) -> int:
    return slow
