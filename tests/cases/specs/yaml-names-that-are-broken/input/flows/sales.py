def report() -> int:
    return 1
