def x(a: int) -> int:
    return a
