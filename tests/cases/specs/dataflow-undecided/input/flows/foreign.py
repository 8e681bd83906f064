from tenacity import retry


@retry
def orders(path: str) -> list:
    return [path]


def total(orders: list) -> int:
    return len(orders)
