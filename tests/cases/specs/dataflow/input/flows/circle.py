def hen(egg: int) -> int:
    return egg


def egg(chick: int) -> int:
    return chick


def chick(hen: int) -> int:
    return hen
