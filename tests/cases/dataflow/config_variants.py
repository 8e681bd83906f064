"""Variants of a node, chosen by the config."""
# config: {"engine": "pandas"}
# config: {"engine": "polars", "mode": "fast"}
# config: {"engine": "duckdb", "mode": "slow"}

from hamilton.function_modifiers import config


@config.when(engine="pandas")
def orders__pandas(path: str) -> list:
    return []


@config.when(engine="polars")
def orders__polars(path: str, lazy: bool = True) -> list:
    return []


@config.when_in(mode=["fast", "faster"])
@config.when_not(engine="duckdb")
def summary(orders: list) -> str:
    return ""


@config.when_not_in(mode=["fast", "faster"])
def summary__slow(orders: list, patience: int) -> str:
    return ""


@config.when(name="extra", engine="duckdb")
def anything(orders: list) -> str:
    return ""
