"""Code that reaches into the module."""

for _name in ("web", "shop"):
    exec(f"def {_name}(path: str) -> list: return []")


def total(web: list, shop: list) -> int:
    return 0
