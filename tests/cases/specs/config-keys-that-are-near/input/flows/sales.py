def report(region: str, start: str, engine: str) -> str:
    return region + start + engine
