from hamilton.function_modifiers import config


def orders(path: str) -> list:
    return [path]


@config.when(engine="polars")
def frame__polars(orders: list) -> str:
    return "polars"


@config.when_not(engine="polars")
def frame__pandas(orders: list) -> str:
    return "pandas"


def style(frame: str, days: int) -> int:
    return days


def rounded(style: int) -> int:
    return style


def end(rounded: int, style: int) -> int:
    return rounded
