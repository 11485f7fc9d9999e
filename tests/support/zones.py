"""Time zones of the pinned database, read without the code under test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

DATABASE = Path(str(tzdata.__file__)).parent
ZONE_NAMES = tuple((DATABASE / "zones").read_text().split())


@cache
def zone_info(name: str) -> ZoneInfo:
    with (DATABASE / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
