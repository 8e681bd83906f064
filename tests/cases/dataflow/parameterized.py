"""One function, many nodes."""

from hamilton.function_modifiers import (
    group,
    inject,
    parameterize,
    parameterize_sources,
    parameterize_values,
    source,
    value,
)

REGIONS = {("germany", "Sales in Germany."): "DE", ("france", "Sales in France."): "FR"}


@parameterize(
    cheap={"orders": source("orders_web"), "limit": value(10)},
    dear=({"orders": source("orders_shop")}, "The dear ones."),
    **{"any": {}},
)
def chosen(orders: list, limit: int = 100, currency: str = "EUR") -> list:
    """{orders} up to {limit}."""
    return orders


@parameterize_sources(both=dict(left="cheap", right="dear"), one={"left": "any"})
def joined(left: list, right: list) -> list:
    return left + right


@parameterize_values("code", REGIONS)
def in_country(both: list, code: str) -> list:
    return both


@inject(parts=group(source("germany"), source("france"), value([])), names=group(first=source("one")))
def whole(parts: list[list], names: dict[str, list], title: str) -> list:
    return []
