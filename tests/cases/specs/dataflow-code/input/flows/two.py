import pandas as pd
from hamilton.function_modifiers import extract_columns


@extract_columns("orders", "price")
def everything(path: str) -> pd.DataFrame:
    return pd.DataFrame()
