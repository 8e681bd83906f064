def report(region: str, day: str = "") -> str:
    return region + day
