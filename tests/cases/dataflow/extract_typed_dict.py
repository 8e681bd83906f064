"""The fields of a TypedDict are in the class, which is not looked at."""

from typing import TypedDict

from hamilton.function_modifiers import extract_fields


class Bounds(TypedDict):
    low: float
    high: float


@extract_fields()
def bounds(price: float) -> Bounds:
    return {"low": price, "high": price}
