import datetime as dt

import pandas as pd
from hamilton.function_modifiers import check_output, extract_columns

from elsewhere import Frame


def limit(day: dt.date, rates: dict[str, float]) -> int: ...


@check_output(range=(0, 1))
def total(limit: int) -> float | None: ...


@extract_columns("amount")
def rows(total: float | None) -> pd.DataFrame: ...


def text(rows: pd.DataFrame, amount: pd.Series) -> str: ...


def own(text: str) -> Frame: ...


def numbers(own: Frame) -> list[int]: ...


def words(numbers: list[int], rows: pd.DataFrame) -> list[str]: ...
