"""Hamilton takes a lambda for a function without types."""

double = lambda amount: amount * 2


def price(amount: int) -> int:
    return double(amount)
