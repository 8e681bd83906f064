def total(region: str = 'EU') -> int:
    return 1
