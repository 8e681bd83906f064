"""A function that a function makes says it was defined here."""


def _maker(factor: int):
    def scaled(amount: int) -> int:
        return amount * factor

    return scaled


double = _maker(2)
