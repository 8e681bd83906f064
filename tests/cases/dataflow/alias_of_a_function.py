"""Two names for one function."""


def price(amount: int) -> int:
    return amount


cost = price
