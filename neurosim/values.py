"""What users give as numbers, made arrays: weights, delays on the grid, states, positions, lists of spikes.

Everything is checked here, at the border: single numbers, arrays, distributions, and Brian2 quantities.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_finite_array, steps_of
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.kernels.rng import stream_key
from neurosim.units import plain

if TYPE_CHECKING:
    from neurosim.network import Network

#: The countdown of the refractory period is an int16.
MOST_WAIT = 32_767
PIECE = 1 << 15  # delays rounded at a time


def edge_weights(
    net: Network, label: str, value: Any, unit: str, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...],
    *, nth: np.ndarray | int = 0,
) -> np.ndarray:  # fmt: skip
    """Weights of edges between uids: 0-d if one number was given, else one per edge."""
    if hasattr(value, "draw"):
        return np.asarray(value.draw(int(stream_key(net.seed, *key)), pre, post, nth), np.float64)
    array = _floats(label, plain(label, value, unit))
    if array.ndim == 0:
        return np.asarray(check_finite_array(label, array, 1, unit)[0])
    return check_finite_array(label, array, pre.size, unit)


def edge_delays(
    net: Network, label: str, value: Any, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...],
    *, least: int, nth: np.ndarray | int = 0, said: bool = False,
) -> np.ndarray:  # fmt: skip
    """Delays of edges in steps: literals must lie on the grid, drawn ones are rounded, and that is said (once)."""
    if hasattr(value, "draw"):
        steps, low, rounded = drawn_steps(net, value, pre, post, key, least=least, nth=nth)
        if rounded and not said:
            tell_rounding(label, net, low, steps.size, least, stacklevel=5)
        return steps
    array = _floats(label, plain(label, value, "ms"))
    if array.ndim == 0:
        return np.asarray(steps_of(label, float(array), net.dt, least=least))
    if array.shape != pre.shape:
        raise ParameterError(f"{label}: needs one number or {pre.size} of them, got an array of shape {array.shape}")
    steps = np.round(array / net.dt)
    off = ~(np.abs(array / net.dt - steps) <= 1e-6 * np.maximum(1.0, np.abs(steps) * 1e-3)) | (steps < least)
    if off.any():
        steps_of(label, float(array[off][0]), net.dt, least=least)
    return steps.astype(np.int64)


def drawn_steps(
    net: Network, value: Any, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...], *, least: int, nth: np.ndarray | int
) -> tuple[np.ndarray, int, bool]:  # fmt: skip
    """Delays of a distribution in steps, int64 [edges]; how many were raised to `least`; whether that or rounding changed any."""
    if hasattr(value, "of_distance"):
        drawn = np.asarray(value.of_distance(distance(net, pre, post)), np.float64)
    else:
        drawn = np.asarray(value.draw(int(stream_key(net.seed, *key)), pre, post, nth), np.float64)
    steps, low, off = np.empty(drawn.size, np.int64), 0, 0.0
    for at in range(0, drawn.size, PIECE):
        cut = slice(at, at + PIECE)
        here = np.round(drawn[cut] / net.dt).astype(np.int64)
        short = here < least
        here[short] = least
        steps[cut], low = here, low + int(np.count_nonzero(short))
        off = max(off, float(np.abs(here * net.dt - drawn[cut]).max()))
    return steps, low, low > 0 or off > 1e-9


def tell_rounding(label: str, net: Network, low: int, n: int, least: int, *, stacklevel: int) -> None:
    """Warn that drawn delays were rounded, and how many of n were raised to the least."""
    clipped = f", {low} of {n} raised to {least * net.dt:g} ms" if low else ""
    warnings.warn(
        f"{label}: drawn delays are rounded to multiples of dt = {net.dt:g} ms{clipped}",
        NeurosimWarning,
        stacklevel=stacklevel,
    )


def neuron_values(
    net: Network, label: str, value: Any, unit: str, uid: np.ndarray, key: tuple[object, ...]
) -> np.ndarray:
    """Values for neurons: a number, one per neuron, or a distribution; float64 [neurons]."""
    if hasattr(value, "draw_neurons"):
        return np.asarray(value.draw_neurons(int(stream_key(net.seed, *key, net.step)), uid), np.float64)
    return check_finite_array(label, _floats(label, plain(label, value, unit)), uid.size, unit)


def duration(net: Network, label: str, value: Any, *, least: int = 0) -> int:
    """A time (ms, or a quantity) in steps."""
    return steps_of(label, plain(label, value, "ms"), net.dt, least=least)


def positions(label: str, given: ArrayLike | None, n: int) -> np.ndarray | None:
    """Positions of n neurons, float64 [n, 2 or 3], or None."""
    if given is None:
        return None
    where = _floats(label, given)
    if where.ndim != 2 or where.shape[0] != n or where.shape[1] not in (2, 3) or not np.isfinite(where).all():
        raise ParameterError(f"{label}: needs finite numbers of shape ({n}, 2) or ({n}, 3), got shape {where.shape}")
    return where


def distance(net: Network, pre: ArrayLike, post: ArrayLike) -> np.ndarray:
    """Distance between pairs of neurons, given by uid; float64 [pairs]."""
    ends = np.broadcast_arrays(np.atleast_1d(np.asarray(pre)), np.atleast_1d(np.asarray(post)))
    at = [_positions_of(net, uid) for uid in ends]
    if at[0].shape != at[1].shape:
        raise ParameterError(
            f"net.distance: positions with {at[0].shape[1]} and {at[1].shape[1]} coordinates; give both populations 2 or 3"
        )
    return np.asarray(np.sqrt(((at[0] - at[1]) ** 2).sum(1)))


def _positions_of(net: Network, uid: np.ndarray) -> np.ndarray:
    """Positions of neurons, which may belong to several populations."""
    where, found = np.zeros((uid.size, 0)), np.zeros(uid.size, np.bool_)
    for population in net.populations.values():
        own = population.uid
        if found.all() or not own.size:
            continue
        place = np.minimum(np.searchsorted(own, uid), own.size - 1)
        mine = own[place] == uid
        if not mine.any():
            continue
        held = population.positions
        if held is None:
            raise ParameterError(
                f"net.distance: {population.name!r} has no positions; net.place({population.name!r}, ns.positions.ball(100.0)) "
                f"gives it some"
            )
        if where.shape[1] == 0:
            where = np.zeros((uid.size, held.shape[1]))
        if held.shape[1] != where.shape[1]:
            raise ParameterError(
                f"net.distance: {population.name!r} has {held.shape[1]} coordinates, others {where.shape[1]}"
            )
        where[mine] = held[place[mine]]
        found |= mine
    if not found.all():
        raise ParameterError(f"net.distance: no neuron has uid {uid[~found][0]}")
    return where


def spike_list(net: Network, label: str, source: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(firing step, index) of the spikes of a `SpikeSource` for n neurons."""
    index, time = source.index, np.asarray(source.time, np.float64)
    if index.size and index.max() >= n:
        raise ParameterError(f"{label}: SpikeSource.index goes up to {index.max()}, but there are {n} neurons")
    steps = np.round(time / net.dt).astype(np.int64)
    off = np.abs(time / net.dt - steps) > 1e-6 * np.maximum(1.0, np.abs(steps) * 1e-3)
    if off.any():
        steps_of(f"{label}: SpikeSource.time", float(time[off][0]), net.dt)
    past = steps <= net.step
    if past.any():
        raise ParameterError(
            f"{label}: SpikeSource.time {time[past][0]:g} ms is past; it is {net.now:g} ms now, and a time is the end of a step, "
            f"so the first one possible is {net.now + net.dt:g} ms"
        )
    if np.unique(steps * n + index).size != steps.size:
        raise ParameterError(f"{label}: SpikeSource lists two spikes of one neuron in one step (dt = {net.dt:g} ms)")
    return steps - 1, index


def check_parameters(net: Network, model: Any, parameters: dict[str, np.ndarray]) -> None:
    """Refuse what the parameters of a model cannot be at this dt."""
    kind = type(model).__name__
    for value in np.unique(parameters["t_ref"]) if model.physics.refractory and "t_ref" in parameters else ():
        if steps_of(f"{kind}.t_ref", float(value), net.dt) > MOST_WAIT:
            raise ParameterError(
                f"{kind}.t_ref: at most {MOST_WAIT * net.dt:g} ms at dt = {net.dt:g} ms, got {value:g}; for example t_ref=2.0"
            )
    for name in model.physics.resolved:
        value = parameters[name]
        if np.min(value, initial=np.inf) < 2 * net.dt:
            raise ParameterError(
                f"{kind}.{name}: {np.min(value):g} ms is too short for dt = {net.dt:g} ms, at least 2 dt; "
                f"take ns.Network(dt={np.min(value) / 10:g})"
            )
    if kind != "SpikeSource":
        model.physics.derive(parameters, net.dt)


def _floats(label: str, value: Any) -> np.ndarray:
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{label}: needs numbers, or a distribution such as ns.normal(1.0, 0.1), got {value!r}"
        ) from None
