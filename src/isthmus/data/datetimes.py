"""Dates and times as numbers: days or seconds since 1970-01-01, and back to whole units.

Dates are days, datetimes seconds since 1970-01-01 (in UTC where they have a zone), durations seconds, times of day
seconds since midnight; all in float64. Microseconds come back exactly from 1698 to 2241. Nanoseconds do for durations
of up to 12 days, and for times of day; datetimes are rounded to microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from .statistics import Flags, Floats

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY = 86400

_ZONE = r"[A-Za-z0-9_+\-/:]{1,64}"
_UNIT = r"\[(?P<unit>m?s|[un]s)"
_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<family>datetime64){_UNIT}(, (?P<zone>{_ZONE}))?\]",
        rf"(?P<family>timedelta64){_UNIT}\]",
        rf"(?P<family>timestamp){_UNIT}(, tz=(?P<zone>{_ZONE}))?\](\[pyarrow\])?",
        rf"(?P<family>duration){_UNIT}\](\[pyarrow\])?",
        r"(?P<family>date32)\[day\](\[pyarrow\])?",
        r"(?P<family>date64)\[(?P<unit>ms)\](\[pyarrow\])?",
        r"(?P<family>time32)\[(?P<unit>m?s)\](\[pyarrow\])?",
        r"(?P<family>time64)\[(?P<unit>[un]s)\](\[pyarrow\])?",
        r"(?P<family>Date)",
        r"(?P<family>Time)",
        rf"(?P<family>Datetime)\[(?P<unit>ms|[un]s)(, (?P<zone>{_ZONE}))?\]",
        r"(?P<family>Duration)\[(?P<unit>ms|[un]s)\]",
        r"object\[(?P<family>date|time)\]",
    )
)
_FAMILIES = {
    "datetime64": "datetime",
    "timestamp": "datetime",
    "Datetime": "datetime",
    "timedelta64": "duration",
    "duration": "duration",
    "Duration": "duration",
    "date32": "date",
    "date64": "date",
    "Date": "date",
    "date": "date",
    "time32": "time",
    "time64": "time",
    "Time": "time",
    "time": "time",
}
_DEFAULT_UNITS = {"date32": "D", "Date": "D", "date": "D", "Time": "ns", "time": "us"}
_FIXED = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)")

# What datetimes of any library hold: the years 1 to 9999, in days since 1970-01-01.
_FIRST_DAY, _LAST_DAY = -719162, 2932896
# Beyond this many seconds from zero float64 no longer tells nanoseconds apart.
_EXACT_NANOSECONDS = 2.0**20
_ZONE_YEARS = (1900, 2100)


@dataclass(frozen=True)
class TimeType:
    """What a column of dates or times holds, whatever library it came from.

    Attributes
    ----------
    family : str
        "date", "datetime", "duration" or "time" (of day).
    unit : str
        "s", "ms", "us" or "ns"; "D" for dates.
    zone : str, optional
        The name of a datetime's zone.

    Examples
    --------
    >>> TimeType.of("datetime64[us, Europe/Berlin]")
    TimeType(family='datetime', unit='us', zone='Europe/Berlin')
    >>> TimeType.of("int64") is None
    True
    """

    family: str
    unit: str
    zone: str | None = None

    @classmethod
    def of(cls, native: str) -> TimeType | None:
        """From a frame library's name of the type; None if it is none of a time."""
        return _time_type(native)

    @property
    def words(self) -> str:
        """In words: "datetime with a zone"."""
        return "datetime with a zone" if self.zone is not None else self.family

    def fits(self, other: TimeType) -> bool:
        """Numbers of both mean the same, whatever their unit and zone."""
        return self.family == other.family and (self.zone is None) == (other.zone is None)

    def numbers(self, ticks: NDArray[np.int64], missing: Flags) -> Floats:
        """Days or seconds of whole units; NaN where they are ``missing``."""
        if self.unit == "D":
            numbers = ticks.astype(np.float64)
        elif self.family == "date":
            numbers = (ticks // (DAY * PER_SECOND[self.unit])).astype(np.float64)
        else:
            # Both parts of one sign: nothing cancels.
            rest = np.fmod(ticks, PER_SECOND[self.unit])
            numbers = (ticks - rest) // PER_SECOND[self.unit] + rest / PER_SECOND[self.unit]
        numbers[missing] = np.nan
        return numbers

    def ticks(self, numbers: Floats) -> NDArray[np.int64]:
        """The nearest whole units that the type can hold; 0 for NaN."""
        numbers = np.where(np.isnan(numbers), 0.0, numbers)
        if self.family == "date":
            days = np.rint(np.clip(numbers, _FIRST_DAY, _LAST_DAY)).astype(np.int64)
            return days if self.unit == "D" else days * (DAY * PER_SECOND[self.unit])
        per_second = PER_SECOND[self.unit]
        low, high = _limits(self.family, per_second)
        numbers = np.clip(numbers, low, high)
        whole = np.floor(numbers)
        broken = numbers - whole
        if self.unit == "ns":
            exact = (np.abs(numbers) < _EXACT_NANOSECONDS) & (self.family != "datetime")
            broken = np.where(exact, broken, np.rint(broken * 1e6) / 1e6)
        ticks = whole.astype(np.int64) * per_second + np.rint(broken * per_second).astype(np.int64)
        return np.minimum(ticks, DAY * per_second - 1) if self.family == "time" else ticks

    def number(self, value: Any) -> float:
        """What a user writes for one moment or length of time, as a number of days or seconds.

        Takes the standard library's types and what converts to them (numpy's, pandas'), ISO 8601 text, and numbers as
        they are. A datetime without a zone is one of the column's zone.

        Raises
        ------
        ValueError
            For anything else.

        Examples
        --------
        >>> TimeType("date", "D").number("1970-01-11"), TimeType("duration", "us").number(timedelta(minutes=2))
        (10.0, 120.0)
        """
        if isinstance(value, np.datetime64 | np.timedelta64):
            value = value.astype(f"{value.dtype.kind}8[us]").item()
        if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and self.family != "duration":
            value = time.fromisoformat(value) if self.family == "time" else datetime.fromisoformat(value)
        if isinstance(value, timedelta) and self.family == "duration":
            return value.total_seconds()
        if isinstance(value, time) and self.family == "time":
            return (value.hour * 60 + value.minute) * 60 + value.second + value.microsecond / 1e6
        if isinstance(value, date) and self.family == "date":
            return float(value.toordinal() - date(1970, 1, 1).toordinal())
        if isinstance(value, date) and self.family == "datetime":
            moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
            if moment.tzinfo is None:
                known = None if self.zone is None else zone_of(self.zone)
                moment = moment.replace(tzinfo=known or UTC)
            elif self.zone is None:
                raise ValueError(f"{value!r} has a zone, and the column has none")
            return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
        raise ValueError(f"{value!r:.80} is no {self.words}")

    def text(self, number: float) -> str:
        """One number for people: "2024-05-01", "2024-05-01T12:00:00", "90061 s"."""
        if self.family == "duration":
            return f"{number:.10g} s"
        if self.family == "date":
            return str(np.datetime64(int(TimeType("date", "D").ticks(np.array([number]))[0]), "D"))
        plain = TimeType(self.family, "ms").ticks(np.array([number]))
        moment = str(plain.view("datetime64[ms]")[0])
        moment = moment.removesuffix(".000")
        if self.family == "time":
            return moment.split("T")[1]
        return moment if self.zone is None else f"{moment}Z"


@lru_cache(maxsize=1024)
def _time_type(native: str) -> TimeType | None:
    for pattern in _NAMES:
        match = pattern.fullmatch(native)
        if match is not None:
            found = match.groupdict()
            name = found["family"]
            return TimeType(_FAMILIES[name], found.get("unit") or _DEFAULT_UNITS[name], found.get("zone"))
    return None


def _limits(family: str, per_second: int) -> tuple[float, float]:
    if family == "time":
        return 0.0, float(DAY)
    longest = float(2**62 // per_second) if family == "duration" else float((2**63 - 1) // per_second - 1)
    if family == "duration":
        return -longest, longest
    return max(-longest, float(_FIRST_DAY * DAY)), min(longest, float((_LAST_DAY + 1) * DAY - 1))


def zone_of(name: str) -> tzinfo | None:
    """A zone by its name or fixed offset, such as "Europe/Berlin" or "+02:00"; None if it is not known here."""
    fixed = _FIXED.fullmatch(name)
    if fixed is not None:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset) if offset < timedelta(days=1) else None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown key is a KeyError, a folder or a path an OSError
        return None


def utc_offsets(seconds: Floats, zone: str) -> Floats:
    """What to add to seconds in UTC to get the clock on the wall; 0 for zones that are not known here."""
    starts, offsets = transitions(zone)
    return offsets[np.searchsorted(starts, seconds, side="right") - 1]


def on_the_wall(seconds: Floats, zone: str) -> Floats:
    """Seconds since 1970-01-01 as clocks of the zone show them."""
    return seconds + utc_offsets(seconds, zone)


def from_the_wall(wall: Floats, near: Floats, zone: str) -> Floats:
    """Seconds in UTC at which clocks of the zone show ``wall``; the moment next to ``near`` if there are two."""
    guess = wall - utc_offsets(near, zone)
    return wall - utc_offsets(guess, zone)


@lru_cache(maxsize=64)
def transitions(zone: str) -> tuple[Floats, Floats]:
    """The moments, in UTC seconds, from which on each offset holds (the first: from ever), and the offsets."""
    known = zone_of(zone)
    if known is None:
        return np.array([-np.inf]), np.zeros(1)

    def offset(second: int) -> float:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
        shift = moment.astimezone(known).utcoffset()
        return 0.0 if shift is None else shift.total_seconds()

    edges = [int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in _ZONE_YEARS]
    starts, offsets = [-np.inf], [offset(edges[0])]
    # No zone kept a change for less than a week.
    step = 7 * DAY
    for first in range(edges[0], edges[1], step):
        last = first + step
        if offset(last) == offsets[-1]:
            continue
        before, after = first, last
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if offset(middle) == offsets[-1] else (before, middle)
        starts.append(float(after))
        offsets.append(offset(last))
    return np.array(starts), np.array(offsets)
