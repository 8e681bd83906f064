import broken


def total(orders: list) -> int:
    return broken.count(orders)
