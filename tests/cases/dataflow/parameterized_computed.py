"""Names from a comprehension over something that is not written out are only known when it runs."""

import os

from hamilton.function_modifiers import parameterize, value


@parameterize(**{f"orders_{number}": {"number": value(number)} for number in range(len(os.sep) + 2)})
def orders(number: int) -> list:
    return []
