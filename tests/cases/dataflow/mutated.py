"""`mutate` changes other functions of the module."""

from hamilton.function_modifiers import mutate


def price(amount: int) -> int:
    return amount


@mutate(price)
def _rounded(price: int) -> int:
    return price
