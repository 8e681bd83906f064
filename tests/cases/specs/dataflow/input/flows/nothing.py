def _helper(anything):
    return anything
