"""Hamilton wants a type for every parameter and result."""


def orders(path, limit: int = 10):
    return path


def _helper(anything):
    return anything
