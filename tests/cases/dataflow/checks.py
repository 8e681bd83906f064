"""A check makes a node of each result, and one of the raw value."""

import pandas as pd
from hamilton.function_modifiers import check_output, extract_columns


@check_output(range=(0, 1), allow_none=False, importance="fail")
def share(total: float, part: float) -> float:
    return part / total


@check_output(data_type=float, target_="amount")
@extract_columns("amount", "day")
def orders(path: str) -> pd.DataFrame:
    return pd.DataFrame()
