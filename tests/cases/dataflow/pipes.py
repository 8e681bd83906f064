"""Steps of a pipe are named by Hamilton."""

from hamilton.function_modifiers import pipe_input, source, step


def _add(x: int, y: int) -> int:
    return x + y


@pipe_input(step(_add, y=source("rate")))
def price(amount: int) -> int:
    return amount
