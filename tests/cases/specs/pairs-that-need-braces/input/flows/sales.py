from hamilton.function_modifiers import config

@config.when(engine="pandas")
def base__pandas(orders: list, region: str) -> int:
    return 1

@config.when(engine="polars")
def base__polars(orders: list, region: str) -> int:
    return 2

def report(base: int, day: str) -> dict:
    return {}

def total(report: dict) -> dict:
    return {}
