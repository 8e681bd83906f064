"""Which config a function of one's own wants, only running it tells."""

from hamilton.function_modifiers import config


@config(lambda values: values.get("engine") == "pandas")
def orders(path: str) -> list:
    return []
