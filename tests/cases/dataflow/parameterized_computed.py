"""Names from a comprehension are only known when it runs."""

from hamilton.function_modifiers import parameterize, value


@parameterize(**{f"orders_{number}": {"number": value(number)} for number in range(3)})
def orders(number: int) -> list:
    return []
