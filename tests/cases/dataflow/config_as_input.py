"""A key of the config is an input too, and takes the place of a node of its name."""
# config: {"region": "EU", "rate": 1.1, "unused": 0}


def rate(day: str) -> float:
    return 1.0


def price(region: str, rate: float) -> float:
    return rate
