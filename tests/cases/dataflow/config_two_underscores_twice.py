"""Hamilton renames the function itself, so such a name would change with each build."""
# config: {"engine": "pandas"}

from hamilton.function_modifiers import config


@config.when(engine="pandas")
def orders__daily__pandas(path: str) -> list:
    return []
