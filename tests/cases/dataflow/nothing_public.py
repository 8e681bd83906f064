"""A module without nodes."""


def _helper(anything):
    return anything
