"""Figures as short text: sizes, rates, counts, times, bars and sparklines.

Pure functions of numbers, without data from outside, so their results are safe to show as they are.
A figure never looks better than it is: shares are rounded down, and 100 % means finished.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.presentation.glyphs import UNICODE, Glyphs

UNKNOWN = "-"
"""Shown for a figure that is not known; ASCII, so that it fits every terminal."""

_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB")
_COUNT_UNITS = ("", "k", "M", "G", "T")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def size(count: float | None) -> str:
    """Return a number of bytes in decimal units with three significant digits: ``412 MB``.

    At most 7 cells.
    """
    if count is None or not math.isfinite(count):
        return UNKNOWN
    value = max(0.0, float(count))
    if value < 999.5:
        return f"{value:.0f} B"
    for unit in _SIZE_UNITS[1:]:
        value /= 1000
        # The bounds are where rounding would give a fourth digit.
        for bound, decimals in ((9.995, 2), (99.95, 1), (999.5, 0)):
            if value < bound:
                return f"{value:.{decimals}f} {unit}"
    return f">999 {_SIZE_UNITS[-1]}"


def rate(per_second: float | None) -> str:
    """Return bytes per second: ``412 MB/s``. At most 9 cells."""
    text = size(per_second)
    return text if text == UNKNOWN else f"{text}/s"


def count(number: int | None) -> str:
    """Return a whole number with grouped digits: ``1,204``."""
    return UNKNOWN if number is None else f"{number:,}"


def compact(number: int | None) -> str:
    """Return a number of things in at most 5 cells: exact below 10,000, then ``12.3k``, ``1.1M``."""
    if number is None:
        return UNKNOWN
    if number < 10_000:
        return f"{number:,}"
    value = float(number)
    for unit in _COUNT_UNITS[1:]:
        value /= 1000
        for bound, decimals in ((99.95, 1), (999.5, 0)):
            if value < bound:
                return f"{value:.{decimals}f}{unit}"
    return f">999{_COUNT_UNITS[-1]}"


def short(number: int) -> str:
    """Return a number of things in at most 4 cells: ``999``, ``1.2k``, ``12k``, ``1.2M``; rounded down."""
    value = number
    for unit in _COUNT_UNITS:
        if value < 1000 or unit == _COUNT_UNITS[-1]:
            return f"{value}{unit}"
        if value < 10_000:
            return f"{value // 1000}.{value % 1000 // 100}{_COUNT_UNITS[_COUNT_UNITS.index(unit) + 1]}"
        value //= 1000
    return UNKNOWN


def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units: ``42s``, ``3m10s``, ``2h05m``, ``4d3h``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def age(seconds: float | None) -> str:
    """Return how long ago something was: ``just now``, ``42s ago``, ``12m ago``, ``3h ago``.

    A time more than five seconds ahead (two clocks disagree) says so: ``in 3m``.
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if abs(seconds) < 5:
        return "just now"
    span = int(abs(seconds))
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (1, "s")):
        if span >= length:
            return f"{span // length}{unit} ago" if seconds > 0 else f"in {span // length}{unit}"
    raise AssertionError("a span of five seconds or more has a unit")


def eta(seconds: float | None) -> str:
    """Return the time still to go, or ``-`` if it cannot be told. Beyond 99 days: ``>99d``."""
    if seconds is not None and seconds > 99 * _DAY and math.isfinite(seconds):
        return ">99d"
    return duration(seconds)


def percentage(fraction: float | None) -> str:
    """Return a share of 1 as ``74%``, rounded down; more than nothing is at least ``<1%``."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    if 0 < fraction < 0.01:
        return "<1%"
    if fraction >= 1:
        return "100%"
    # A product like 0.29 * 100 falls just short of its whole percent; 99 stays the last before 100.
    return f"{min(99, math.floor(max(fraction, 0.0) * 100 + 1e-9))}%"


def bar(fraction: float | None, width: int, glyphs: Glyphs = UNICODE) -> str:
    """Return a progress bar of exactly ``width`` cells, filled in eighths where the glyphs allow.

    It is full only at 1, and an unknown fraction is an empty bar.
    """
    if fraction is None or not math.isfinite(fraction):
        fraction = 0.0
    steps = len(glyphs.bar_parts) + 1
    width = max(0, width)
    filled = math.floor(min(max(fraction, 0.0), 1.0) * width * steps)
    if fraction < 1:
        filled = max(0, min(filled, width * steps - 1))
    if fraction > 0 and width > 0 and steps > 1:
        filled = max(1, filled)  # an eighth says "begun"; a whole cell would say too much
    full, part = divmod(filled, steps)
    text = glyphs.bar_full * full + (glyphs.bar_parts[part - 1] if part else "")
    return text + glyphs.bar_empty * (width - len(text))


def spark(values: Sequence[float | None], width: int, glyphs: Glyphs = UNICODE, top: float | None = None) -> str:
    """Return the newest ``width`` values as a row of levels, right-aligned in exactly ``width`` cells.

    Args:
        values: Samples, oldest first, from zero up. None or NaN is a gap and stays blank.
        width: Cells, one per value.
        glyphs: The set to draw with.
        top: The value of the highest level; the largest shown if not given.
    """
    shown = list(values[-width:]) if width > 0 else []
    known = [value for value in shown if value is not None and math.isfinite(value)]
    ceiling = top if top is not None else max(known, default=0.0)
    return "".join(_level(value, ceiling, glyphs.spark) for value in shown).rjust(max(width, 0))


def _level(value: float | None, ceiling: float, levels: str) -> str:
    if value is None or not math.isfinite(value):
        return " "
    if ceiling <= 0 or value <= 0:
        return levels[0]
    share = min(value / ceiling, 1.0)
    # Only nothing is drawn as the lowest level: a trickle stays visible.
    return levels[max(1, round(share * (len(levels) - 1)))]
