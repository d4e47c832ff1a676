"""Checks that the descriptions of event rules share: bounds of the weight, which spikes are seen, one of several names.

A rule knows nothing of populations, wiring or pools.
"""

from typing import Any

from neurosim.checks import check_number, did_you_mean, settle
from neurosim.errors import ParameterError

SEES = ("delay", "spikes")


def check_bounds(rule: Any) -> None:
    """w_min below w_max, both numbers, or without limit."""
    low, high = (settle(rule, name, check_number, allow_infinite=True) for name in ("w_min", "w_max"))
    if low >= high:
        raise ParameterError(
            f"{type(rule).__name__}.w_max: must be above w_min = {low:g}, got {high:g}; for example w_min=0.0, w_max=1.0"
        )


def check_sees(rule: Any) -> None:
    """`sees` is "delay" or "spikes"."""
    check_choice(rule, "sees", SEES)


def check_choice(rule: Any, name: str, allowed: tuple[str, ...]) -> None:
    """The attribute is one of these words."""
    value = getattr(rule, name)
    if value not in allowed:
        raise ParameterError(
            f"{type(rule).__name__}.{name}: must be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}, "
            f"got {value!r}.{did_you_mean(str(value), allowed)}"
        )
