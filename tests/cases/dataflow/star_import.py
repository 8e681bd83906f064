"""A star may bring anything, and hide anything."""

from math import *


def root(x: float) -> float:
    return sqrt(x)
