"""An agent's upload limits as one line: ``Mon-Fri 08:00-18:00 50; Sat,Sun 00:00-24:00 200`` (megabits a second).

Only the writing is here; what may be said is ``store.bodies.UploadLimitSchedule``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from store.vocabulary import DayOfWeek

FORM = "Mon-Fri 08:00-18:00 50"
_DAYS = list(DayOfWeek)
_SHORT = {day[:3].lower(): number for number, day in enumerate(_DAYS)}
_LIMIT = re.compile(r"(\S+)\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s+(\d{1,10})", re.ASCII)


def limits_of(text: str) -> list[dict[str, Any]]:
    """The weekly recurrences that a line stands for.

    Raises:
        ValueError: a part is not written so.
    """
    return [_limit(part.strip()) for part in text.split(";") if part.strip()]


def limits_text(recurrences: Iterable[dict[str, Any]]) -> str:
    """The line that stands for weekly recurrences."""
    return "; ".join(
        f"{_days_text(one['days'])} {_time(one['startTime'])}-{_time(one['endTime'])} {one['limitInMbps']}"
        for one in recurrences
    )


def _limit(part: str) -> dict[str, Any]:
    found = _LIMIT.fullmatch(part)
    if found is None:
        raise ValueError(f"'{part}' is no limit: write days, times and megabits a second, such as '{FORM}'")
    days, *times, limit = found.groups()
    hour, minute, end_hour, end_minute = map(int, times)
    return {
        "days": _days(days),
        "startTime": {"hour": hour, "minute": minute},
        "endTime": {"hour": end_hour, "minute": end_minute},
        "limitInMbps": int(limit),
    }


def _days(text: str) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = (one.strip().lower()[:3] for one in part.partition("-"))
        if first not in _SHORT or (dash and last not in _SHORT):
            raise ValueError(f"'{part}' is no day: write Mon, Tue, Wed, Thu, Fri, Sat or Sun, or Mon-Fri")
        start, end = _SHORT[first], _SHORT[last] if dash else _SHORT[first]
        found += [str(_DAYS[number % 7]) for number in range(start, end + 1 if end >= start else end + 8)]
    return found


def _days_text(days: Iterable[str]) -> str:
    """Days that follow one another as a range; the others one by one."""
    numbers = [_DAYS.index(DayOfWeek(day)) for day in days]
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{_DAYS[numbers[0]][:3]}-{_DAYS[numbers[-1]][:3]}"
    return ",".join(_DAYS[number][:3] for number in numbers)


def _time(value: dict[str, int]) -> str:
    return f"{value['hour']:02d}:{value.get('minute', 0):02d}"
