"""A constant is as good as a literal."""
# config: {"engine": "pandas-2"}

from hamilton.function_modifiers import config as when_config

VERSION = 2
ENGINES = ["pandas-1", f"pandas-{VERSION}"]


@when_config.when_in(engine=ENGINES)
def orders(path: str) -> list:
    return []
