"""Names that a comprehension over something written out makes."""

import pandas as pd
from hamilton.function_modifiers import extract_columns, group, inject, parameterize, source, value

REGIONS = {"de": 1.19, "fr": 1.2}
QUARTERS = [f"q{number}" for number in range(1, 5)]


@parameterize(**{f"gross_{name}": {"net": source(f"net_{name}"), "rate": value(rate)} for name, rate in REGIONS.items()})
def gross(net: float, rate: float) -> float:
    return net * rate


@extract_columns(*QUARTERS, *(f"sum_{quarter}" for quarter in QUARTERS))
def year(gross_de: float) -> pd.DataFrame:
    return pd.DataFrame()


@inject(parts=group(*[source(quarter) for quarter in QUARTERS]))
def total(parts: list[pd.Series]) -> float:
    return 0.0
