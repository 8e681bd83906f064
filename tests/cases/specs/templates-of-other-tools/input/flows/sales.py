def report(region: str, day: str = "", note: str = "") -> str:
    return region
