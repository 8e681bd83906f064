"""A list that is changed before it is used is not what it was."""

import pandas as pd
from hamilton.function_modifiers import extract_columns

COLUMNS = ["amount", "price"]
COLUMNS.append("day")


@extract_columns(*COLUMNS)
def orders(path: str) -> pd.DataFrame:
    return pd.DataFrame()
