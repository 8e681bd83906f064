"""Parameters and columns at once."""

import pandas as pd
from hamilton.function_modifiers import ParameterizedExtract, parameterize_extract_columns, source, value


@parameterize_extract_columns(
    ParameterizedExtract(("low_a", "high_a"), {"series": source("a"), "factor": value(2)}),
    ParameterizedExtract(outputs=("low_b", "high_b"), input_mapping={"series": source("b"), "factor": source("f")}),
)
def bounds(series: pd.Series, factor: float, share: float = 0.1) -> pd.DataFrame:
    return pd.DataFrame()
