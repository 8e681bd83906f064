"""Loading and saving by decorators; whether an option may be left out only the adapter knows."""

import pandas as pd
from hamilton.function_modifiers import dataloader, datasaver, load_from, save_to, source, value


@load_from.csv(path=source("orders_path"), sep=source("separator"))
def orders(raw: pd.DataFrame) -> pd.DataFrame:
    return raw


@load_from.json(path=value("a.json"), inject_="left")
@load_from.json(path="b.json", inject_="right")
def settings(left: dict, right: dict, strict: bool = False) -> dict:
    return left | right


@save_to.json(path=source("report_path"), output_name_="saved_report")
def report(orders: pd.DataFrame, settings: dict) -> dict:
    return {}


@save_to.json(path="summary.json")
def summary(report: dict) -> dict:
    return report


@dataloader()
def people(people_path: str = "people.csv") -> tuple[pd.DataFrame, dict]:
    return pd.DataFrame(), {}


@datasaver()
def written(people: pd.DataFrame, target: str) -> dict:
    return {}
