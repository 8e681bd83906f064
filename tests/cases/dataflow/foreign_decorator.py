"""A decorator of one's own may return any function."""

import functools


def _timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@_timed
def orders(path: str) -> list:
    return []
