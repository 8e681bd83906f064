"""Columns, fields and parts of a tuple become nodes of their own."""

import pandas as pd
from hamilton.function_modifiers import extract_columns, extract_fields, tag, tag_outputs, unpack_fields

COLUMNS = ["amount", "price"]


@tag_outputs(amount={"unit": "EUR"})
@tag(owner="sales", target_="amount")
@extract_columns(*COLUMNS, ("day", "The day of the order."), fill_with=0)
def orders(path: str) -> pd.DataFrame:
    return pd.DataFrame()


@extract_fields({"train": pd.DataFrame, "test": pd.DataFrame})
def split(orders: pd.DataFrame, share: float = 0.8) -> dict:
    return {}


@extract_fields("low", "high")
def bounds(price: pd.Series) -> dict[str, float]:
    return {}


@unpack_fields("first", "last")
def ends(day: pd.Series) -> tuple[str, str]:
    return "", ""
