def end() -> int:
    return 1
