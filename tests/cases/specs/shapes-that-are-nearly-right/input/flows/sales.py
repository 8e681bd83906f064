def report(region: str = "", top: int = 1) -> str:
    return region
