def report(orders: dict) -> list[dict]:
    return orders
