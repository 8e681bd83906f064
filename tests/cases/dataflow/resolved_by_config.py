"""A decorator that the config makes."""
# config: {"hamilton.enable_power_user_mode": true, "columns": ["a"]}

import pandas as pd
from hamilton.function_modifiers import ResolveAt, extract_columns, resolve


@resolve(when=ResolveAt.CONFIG_AVAILABLE, decorate_with=lambda columns=("a",): extract_columns(*columns))
def orders(path: str) -> pd.DataFrame:
    return pd.DataFrame()
