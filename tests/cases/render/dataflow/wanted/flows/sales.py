from hamilton.function_modifiers import config


def orders(path: str) -> list:
    return [path]


@config.when(engine="polars")
def frame__polars(orders: list) -> str:
    return "polars, lazily"


@config.when_not(engine="polars")
def frame__pandas(orders: list) -> str:
    return "pandas"


def style(frame: str, days: int) -> int:
    return days


def class_(orders: list) -> str:
    return "gold"


def end(style: int, class_: str) -> int:
    return style
