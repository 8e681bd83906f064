"""Functions under a condition."""

import sys

if sys.platform == "win32":

    def orders(path: str) -> list:
        return []

else:

    def orders(path: str, mode: str = "r") -> list:
        return []
