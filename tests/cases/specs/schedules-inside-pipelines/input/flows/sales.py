def report(region: str = "") -> str:
    return region
