def orders(path, limit: int = 10):
    return [path]


def helper(anything):  # flowerpower: ignore FP329 not for this
    return anything
