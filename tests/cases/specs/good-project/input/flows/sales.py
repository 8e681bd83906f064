import pandas as pd
from hamilton.function_modifiers import config


@config.when(engine="pandas")
def sold__pandas(orders: pd.DataFrame, region: str) -> pd.DataFrame:
    return orders


@config.when(engine="polars")
def sold__polars(orders: pd.DataFrame, region: str) -> pd.DataFrame:
    return orders


def report(sold: pd.DataFrame, day: str) -> pd.DataFrame:
    return sold
