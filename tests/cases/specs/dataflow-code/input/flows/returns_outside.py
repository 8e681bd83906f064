def orders(path: str) -> list:
    return [path]


return orders
