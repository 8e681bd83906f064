"""Parameters that gather what is left are inputs by their own name."""


def total(first: int, *others: int, **named: int) -> int:
    return first
