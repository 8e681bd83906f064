def report(orders: dict) -> dict:
    return orders
