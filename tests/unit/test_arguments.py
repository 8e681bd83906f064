"""Arguments of a wrong kind are named, and what to pass instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import pandas as pd
import pytest

from flowerpower.arguments import by_name, moment, text, texts, whole
from flowerpower.errors import UsageError


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None


@pytest.mark.parametrize(
    ("check", "given", "said"),
    [
        (text, 3, "`it` is a text, and not of the type int"),
        (whole, "3", "`it` is a whole number, and not of the type str"),
        (whole, True, "`it` is a whole number, and not of the type bool"),
        (texts, "default", "`it` is a list of texts, and not of the type str"),
        (texts, b"default", "`it` is a list of texts, and not of the type bytes"),
        (texts, 3, "`it` is a list of texts, and not of the type int"),
        (texts, ["a", 3], "each of `it` is a text, and not of the type int"),
        (by_name, ["a"], "`it` holds values by name, and is not of the type list"),
        (by_name, {1: 2}, "each name in `it` is a text, and not of the type int"),
        (moment, date(2026, 1, 1), "`it` is no moment: it is of the type date"),
        (moment, "2026-01-01", "`it` is no moment: it is of the type str"),
        (moment, datetime(2026, 1, 1), "`it` has no time zone"),
        (moment, datetime(2026, 1, 1, tzinfo=Nowhere()), "`it` has no time zone"),
        (moment, pd.NaT, "`it` has no time zone"),
        (moment, datetime.max.replace(tzinfo=UTC), "`it` is later than clocks can tell: 9999-12-31T23:59:59.999999"),
    ],
)
def test_a_wrong_kind_of_thing_is_named(check: Callable[[object, str], Any], given: object, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        check(given, "`it`")

    assert str(raised.value).startswith(said)


def test_one_text_instead_of_many_is_shown_as_many() -> None:
    with pytest.raises(UsageError) as raised:
        texts("default", "`queues`")

    assert raised.value.hint == "pass ['default']"


def test_what_is_right_is_passed_on() -> None:
    berlin = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))

    assert (text("a", ""), texts(iter(["a", "b"]), ""), by_name({"a": 1}, "")) == ("a", ("a", "b"), {"a": 1})
    assert moment(berlin, "") == moment(pd.Timestamp("2026-01-01", tz="UTC"), "") == 1_767_225_600
    assert moment(datetime.min.replace(tzinfo=UTC), "") < 0
