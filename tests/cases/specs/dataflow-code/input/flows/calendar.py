def orders(path: str) -> list:
    return [path]
