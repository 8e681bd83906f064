"""Where the zones come from."""

from __future__ import annotations

import re
import subprocess
import sys
import zoneinfo
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import tzdata

from flowerpower.schedule import misnamed_zones
from flowerpower.schedule.trigger import TriggerError, parse_trigger
from flowerpower.schedule.zones import load_zone, use_packaged_zones, zone_names


def test_the_names_are_those_of_iana() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia"} <= zone_names()
    assert not [name for name in zone_names() if name.startswith(("posix", "right"))]


@pytest.mark.parametrize("name", ["europe/berlin", "EUROPE/BERLIN", "Europe/Berlin ", "Factory", "posix/UTC"])
def test_a_name_is_refused_even_where_the_file_system_would_find_it(name: str) -> None:
    with pytest.raises(TriggerError, match="no time zone"):
        parse_trigger(cron="@daily", timezone=name)


def test_a_program_can_pin_its_zones_to_the_package() -> None:
    try:
        assert use_packaged_zones() == tzdata.IANA_VERSION
        assert (f"{tzdata.__path__[0]}/zoneinfo",) == zoneinfo.TZPATH
        assert parse_trigger(cron="0 6 * * *", timezone="Europe/Berlin").next_tick(1_767_225_600) == 1_767_243_600
    finally:
        zoneinfo.reset_tzpath()


def test_frames_made_before_that_have_the_same_utc_as_those_made_after_it() -> None:
    before = pd.Series([pd.Timestamp("2026-03-01", tz=ZoneInfo("UTC"))])
    try:
        use_packaged_zones()
        after = pd.Series([pd.Timestamp("2026-03-01", tz=ZoneInfo("UTC"))])
    finally:
        zoneinfo.reset_tzpath()

    pd.testing.assert_series_equal(before, after)


def test_triggers_import_nothing_heavy() -> None:
    heavy = {"pydantic", "rq", "redis", "hamilton", "pandas", "fsspec"}
    code = f"import sys, flowerpower.schedule; print(sorted({heavy} & set(sys.modules)))"

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_every_zone_suggested_for_an_abbreviation_exists() -> None:
    suggested = {zone for answer in misnamed_zones._CALLED.values() for zone in answer.split(" or ")}

    assert suggested <= zone_names()


@pytest.mark.parametrize(("written", "hours"), [("+02:00", 2), ("UTC-5", -5), ("GMT+14", 14), ("-12", -12)])
def test_a_zone_suggested_for_an_offset_has_that_offset(written: str, hours: int) -> None:
    found = re.search(r"Etc/GMT[+-]\d+", misnamed_zones.nearest_zones(written, zone_names()))

    assert found is not None
    assert load_zone(found[0]).offset(0) == hours * 3600
