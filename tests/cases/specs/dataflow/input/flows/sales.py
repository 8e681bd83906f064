import pandas as pd
from hamilton.function_modifiers import config, extract_columns


@config.when(engine="pandas")
def orders__pandas(region: str) -> pd.DataFrame:
    return pd.DataFrame()


@config.when(engine="polars")
def orders__polars(region: str, day: str) -> pd.DataFrame:
    return pd.DataFrame()


@extract_columns("amount", "price")
def clean(orders: pd.DataFrame, limit: int = 10) -> pd.DataFrame:
    return orders


def total(amount: pd.Series, price: pd.Series, exchange_rate: float) -> float:
    return 1.0


def title(language: str) -> str:
    return language
