"""Names of nodes are names of Python."""


def größe(länge: float, 幅: float = 1.0) -> float:
    return länge * 幅


def summe(größe: float) -> float:
    return größe
