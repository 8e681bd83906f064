"""Conditions and nested loops are left to the run."""

import pandas as pd
from hamilton.function_modifiers import extract_columns


@extract_columns(*[f"q{number}" for number in range(5) if number])
def year(net: float) -> pd.DataFrame:
    return pd.DataFrame()
