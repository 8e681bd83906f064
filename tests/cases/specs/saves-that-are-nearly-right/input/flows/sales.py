def report() -> dict:
    return {}
