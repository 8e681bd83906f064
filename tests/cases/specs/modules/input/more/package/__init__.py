def other() -> int:
    return 1
