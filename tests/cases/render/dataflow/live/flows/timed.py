from clock import timed


@timed
def slow() -> int:
    return 1


def end(slow: int) -> int:
    return slow
