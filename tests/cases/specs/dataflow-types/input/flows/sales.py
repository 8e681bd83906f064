import datetime as dt
from typing import Optional

import pandas as pd
import polars as pl
from hamilton.function_modifiers import check_output, config, extract_columns

from elsewhere import Frame


@config.when(engine="polars")
def orders__polars(path: str) -> pl.DataFrame: ...


@config.when(engine="pandas")
def orders__pandas(path: str) -> pd.DataFrame: ...


@check_output(range=(0, 1), importance="fail")
def total(orders: pd.DataFrame, day: dt.datetime) -> float: ...


@extract_columns("amount")
def rows(orders: pd.DataFrame) -> pd.DataFrame: ...


def mean(amount: pd.Series, day: dt.date) -> Optional[float]: ...


def own(orders: pd.DataFrame) -> Frame: ...


def fine(mean: float, own: pd.DataFrame, total: float | None) -> list[int]: ...
