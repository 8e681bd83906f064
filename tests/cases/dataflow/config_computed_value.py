"""A value that is not written out may be anything."""
# config: {"engine": "pandas"}

import os

from hamilton.function_modifiers import config

ENGINE = os.environ.get("ENGINE", "pandas")


@config.when(engine=ENGINE)
def orders(path: str) -> list:
    return []
