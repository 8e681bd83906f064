"""A key that is not set is None."""
# config: {}

from hamilton.function_modifiers import config


@config.when(engine=None)
def orders(path: str) -> list:
    return []


@config.when_not(engine="pandas")
def other() -> list:
    return []
