import pandas as pd


def total(report: pd.DataFrame) -> float:
    return 0.0
