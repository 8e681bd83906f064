from common import clean


def raw() -> str:
    return "a"


def cleaned(raw: str) -> str:
    return clean(raw)


def size(cleaned: str) -> int:
    return len(cleaned)


def end(size: int) -> int:
    return size
