"""A graph within the graph."""

from hamilton.function_modifiers import subdag


def _inner(amount: int) -> int:
    return amount


@subdag(_inner, inputs={}, config={})
def price(_inner: int) -> int:
    return _inner
