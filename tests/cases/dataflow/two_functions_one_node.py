"""Two functions may not make the same node."""

import pandas as pd
from hamilton.function_modifiers import extract_columns


@extract_columns("amount")
def orders(path: str) -> pd.DataFrame:
    return pd.DataFrame()


def amount(path: str) -> int:
    return 0
