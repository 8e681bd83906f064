"""The version of flowerpower, for all that is made or kept by it."""

__version__ = "0.1.0"
