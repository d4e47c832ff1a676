"""Spike trains of plasticity experiments: what fires when, and the grid of time on which all of it lies.

Knows arrays only.  Trains are arrays of steps, at which the synapse sees a spike.
"""

from collections.abc import Sequence

import numpy as np

from neurosim.checks import check_positive, steps_of
from neurosim.errors import ParameterError
from neurosim.units import plain

#: Steps (ms) that are tried, the coarsest first: a rule that is exact between events does not care.
STEPS = (1.0, 0.5, 0.2, 0.1)
LONG_AGO = -(1 << 60)

#: Spikes of one pair of neurons: steps of the presynaptic and of the postsynaptic one, each int64 and sorted.
Pair = tuple[np.ndarray, np.ndarray]


def numbers(name: str, given: object, unit: str) -> np.ndarray:
    """One number or a row of finite numbers, as float64 [n], n > 0."""
    try:
        array = np.atleast_1d(np.asarray(plain(name, given, unit), np.float64))
    except (TypeError, ValueError):
        raise ParameterError(f"{name}: must be a number or a row of numbers ({unit}), got {given!r}") from None
    if array.ndim != 1 or array.size == 0:
        raise ParameterError(f"{name}: must be a number or a row of numbers ({unit}), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ParameterError(f"{name}: must be finite ({unit}), got {array[~np.isfinite(array)][0]}")
    return array


def frequencies(name: str, given: object) -> np.ndarray:
    """Frequencies (Hz), each positive."""
    array = numbers(name, given, "Hz")
    for value in array:
        check_positive(name, float(value), "Hz")
    return array


def grid_of(name: str, times: np.ndarray, resolution: object, *, fine: bool = False) -> float:
    """The step (ms) of an experiment: the one given, or the coarsest of `STEPS` on which all `times` lie.

    `fine` asks for 0.1 ms: rules that look at their neuron in every step.
    """
    if resolution is not None:
        step = check_positive(f"{name}(resolution)", plain(f"{name}(resolution)", resolution, "ms"), "ms")
        candidates: tuple[float, ...] = (step,)
    else:
        candidates = STEPS[-1:] if fine else STEPS
    for step in candidates:
        if np.abs(times / step - np.round(times / step)).max(initial=0.0) < 1e-6:
            return step
    off = times[np.abs(times / candidates[-1] - np.round(times / candidates[-1])) >= 1e-6]
    try:
        steps_of(f"{name}(dt)", float(off[0]), candidates[-1], least=LONG_AGO)
    except ParameterError as error:
        raise ParameterError(f"{error}; or a finer step: {name}(..., resolution=0.01)") from None
    return candidates[-1]


def repeated(pattern: Sequence[int], repeats: int, period: float, step: float) -> np.ndarray:
    """Steps at which a pattern (steps) fires that is played `repeats` times, once every `period` (ms); sorted.

    The beginning of each repeat is moved to the grid, the pattern itself never: differences within it are exact.
    """
    begins = np.round(np.arange(repeats) * (period / step)).astype(np.int64)
    return np.sort((begins[:, None] + np.asarray(pattern, np.int64)).ravel())


def aligned(trains: Sequence[Pair]) -> list[Pair]:
    """Trains shifted so that all experiments end together, with the latest spike of the longest one.

    Then one look at the weights finds each of them equally long after its last spike.
    """
    ends = [max(pre.max(initial=LONG_AGO), post.max(initial=LONG_AGO)) for pre, post in trains]
    last = max(ends, default=0)
    return [(pre + last - end, post + last - end) for (pre, post), end in zip(trains, ends, strict=True)]


def poisson_pair(
    rng: np.random.Generator, steps: int, step: float, pre_rate: float, post_rate: float, common: float, lag: int
) -> Pair:
    """Steps at which two neurons fire: independent trains, and a common one (Hz) that the second follows `lag` steps later.

    At most one spike a step; each neuron has exactly its rate (Hz).
    """
    chance = np.array([pre_rate - common, post_rate - common, common]) * 1e-3 * step
    shared = _bernoulli(rng, steps, chance[2])
    late = shared + lag
    late = late[(late >= 0) & (late < steps)]
    own = [_bernoulli(rng, steps, _rest(one, chance[2])) for one in chance[:2]]
    return _distinct(np.concatenate([own[0], shared])), _distinct(np.concatenate([own[1], late]))


def _rest(own: float, shared: float) -> float:
    """Chance of an own spike in a step, so that with the shared ones the union has chance own + shared."""
    return own / (1.0 - shared) if shared < 1.0 else 0.0


def _bernoulli(rng: np.random.Generator, steps: int, chance: float) -> np.ndarray:
    """Steps (ascending) of which each was chosen with this chance."""
    if chance <= 0.0:
        return np.zeros(0, np.int64)
    n = int(rng.binomial(steps, min(chance, 1.0)))
    if n > steps // 2:
        return np.flatnonzero(rng.random(steps) < chance)
    taken = _distinct(rng.integers(0, steps, n))
    while taken.size < n:
        taken = _distinct(np.append(taken, rng.integers(0, steps, n - taken.size)))
    return taken


def _distinct(values: np.ndarray) -> np.ndarray:
    """Ascending, each once."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if values.size else values
