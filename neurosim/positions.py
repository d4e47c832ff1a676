"""Where neurons lie: on a grid, anywhere in a box or a ball, around a centre.  Knows uids and keys, no Network.

A random position is a function of (key, uid): the same neuron lies in the same place whatever else there is, and newborns
get theirs from the same description.  A grid gives its free sites, lowest first, so newborns take those of the dead.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from neurosim.checks import check_count, check_number, check_positive
from neurosim.errors import ParameterError

Vector = float | Sequence[float]
_MOST_REDRAWS = 1000  # half of all points of a cube lie in its ball: missed by all of them once in 10**300 neurons


@runtime_checkable
class Layout(Protocol):
    """What `positions=` accepts besides an array."""

    def place(self, key: int, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """float64 [n, 2 or 3]: a position for each uid, beside those that are `taken` [m, 2 or 3] already."""
        ...


class _Described:
    """Vectors are tuples, also when a save gave them back as lists."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))


@dataclass(frozen=True, repr=False)
class Grid(_Described):
    """See `grid`."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]

    def place(self, key: int, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """The free sites, lowest first."""
        n = math.prod(self.shape)
        free = np.ones(n, np.bool_)
        free[self.sites_of(taken)] = False
        sites = np.flatnonzero(free)
        if sites.size < uid.size:
            raise ParameterError(
                f"{self!r}: has {sites.size} of {n} sites free, {uid.size} neurons want one; take a larger grid, or random "
                f"positions such as ns.positions.uniform({self.shape[0] * self.spacing[0]:g}, dim={len(self.shape)})"
            )
        at = np.stack(np.unravel_index(sites[: uid.size], self.shape), axis=1)
        return np.asarray(at * np.array(self.spacing) + np.array(self.origin))

    def sites_of(self, positions: np.ndarray) -> np.ndarray:
        """Numbers of the sites that these positions [n, 2 or 3] lie on (those that lie on none are left out)."""
        if positions.ndim != 2 or positions.shape[1] != len(self.shape):
            return np.zeros(0, np.int64)
        at = (positions - np.array(self.origin)) / np.array(self.spacing)
        near = np.rint(at)
        on = (np.abs(at - near) < 1e-6).all(1) & (near >= 0).all(1) & (near < np.array(self.shape)).all(1)
        return np.ravel_multi_index(tuple(near[on].astype(np.int64).T), self.shape)

    def __repr__(self) -> str:
        return f"positions.grid({self.shape}, spacing={_short(self.spacing)}, origin={_short(self.origin)})"


@dataclass(frozen=True, repr=False)
class Box(_Described):
    """See `uniform`."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def place(self, key: int, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """A point of the box for each uid."""
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray(low + (high - low) * _chances(key, uid, low.size, 0))

    def __repr__(self) -> str:
        return f"positions.uniform({_short(np.subtract(self.high, self.low))}, low={_short(self.low)}, dim={len(self.low)})"


@dataclass(frozen=True, repr=False)
class Ball(_Described):
    """See `ball`."""

    radius: float
    centre: tuple[float, ...]

    def place(self, key: int, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """A point of the ball for each uid: points of the cube are drawn until one lies inside."""
        at = np.full((uid.size, len(self.centre)), 2.0)
        for attempt in range(_MOST_REDRAWS):
            outside = np.flatnonzero((at**2).sum(1) > 1.0)
            if not outside.size:
                break
            at[outside] = 2.0 * _chances(key, uid[outside], len(self.centre), attempt) - 1.0
        return np.asarray(np.array(self.centre) + self.radius * at)

    def __repr__(self) -> str:
        return f"positions.ball({self.radius:g}, centre={_short(self.centre)})"


@dataclass(frozen=True, repr=False)
class Cloud(_Described):
    """See `around`."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def place(self, key: int, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """A point of the cloud for each uid."""
        from neurosim.distributions import normal

        axes = [
            normal(c, s).draw(key, uid, np.full(uid.size, axis), 0)
            for axis, (c, s) in enumerate(zip(self.centre, self.spread, strict=True))
        ]
        return np.stack(axes, axis=1)

    def __repr__(self) -> str:
        return f"positions.around({_short(self.centre)}, {_short(self.spread)})"


def grid(shape: Sequence[int], *, spacing: Vector = 1.0, origin: Vector = 0.0) -> Grid:
    """Sites of a rectangular grid, the last axis running fastest.

    Parameters
    ----------
    shape : 2 or 3 ints
        Sites along each axis.
    spacing, origin : float or one for each axis
        Distance between sites, and the position of the first one, in any unit of length.

    Notes
    -----
    Neurons that are added take free sites, also those of neurons that died; a full grid refuses them.  Populations that
    `net.place` puts on one grid together share its sites.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> net.add_population("sheet", ns.LIF(), 4, positions=ns.positions.grid((2, 2), spacing=50.0)).positions.tolist()
    [[0.0, 0.0], [0.0, 50.0], [50.0, 0.0], [50.0, 50.0]]
    """
    if np.ndim(shape) != 1 or len(shape) not in (2, 3):
        raise ParameterError(f"positions.grid(shape): needs 2 or 3 whole numbers, got {shape!r}; for example (10, 10)")
    sizes = tuple(check_count("positions.grid(shape)", n, least=1) for n in shape)
    step = tuple(
        check_positive("positions.grid(spacing)", s) for s in _vector("positions.grid(spacing)", spacing, len(sizes))
    )
    return Grid(sizes, step, _vector("positions.grid(origin)", origin, len(sizes)))


def uniform(size: Vector, *, low: Vector = 0.0, dim: int | None = None) -> Box:
    """Anywhere in a box, with equal chance.

    Parameters
    ----------
    size : float or one for each axis
        Lengths of the sides.
    low : float or one for each axis
        The corner where the box begins.
    dim : {2, 3}, optional
        Number of axes, where neither `size` nor `low` tells; default 2.

    Examples
    --------
    >>> uniform((100.0, 50.0, 10.0), low=(0.0, 0.0, -5.0))
    positions.uniform((100, 50, 10), low=(0, 0, -5), dim=3)
    """
    axes = _axes("positions.uniform", dim, 2, size, low)
    sides = [check_positive("positions.uniform(size)", s) for s in _vector("positions.uniform(size)", size, axes)]
    begin = _vector("positions.uniform(low)", low, axes)
    return Box(begin, tuple(b + s for b, s in zip(begin, sides, strict=True)))


def ball(radius: float, *, centre: Vector = 0.0, dim: int | None = None) -> Ball:
    """Anywhere in a ball (a disc in two dimensions), with equal chance.

    Parameters
    ----------
    radius : float
    centre : float or one for each axis
    dim : {2, 3}, optional
        Number of axes, where `centre` does not tell; default 3.
    """
    axes = _axes("positions.ball", dim, 3, centre)
    return Ball(check_positive("positions.ball(radius)", radius), _vector("positions.ball(centre)", centre, axes))


def around(centre: Sequence[float], spread: Vector) -> Cloud:
    """A cloud: each coordinate is normal around that of the centre, with standard deviation `spread`.

    Parameters
    ----------
    centre : 2 or 3 floats
    spread : float or one for each axis
    """
    axes = _axes("positions.around", None, 2, centre)
    sds = [check_positive("positions.around(spread)", s) for s in _vector("positions.around(spread)", spread, axes)]
    return Cloud(_vector("positions.around(centre)", centre, axes), tuple(sds))


def _chances(key: int, uid: np.ndarray, axes: int, attempt: int) -> np.ndarray:
    """Numbers in [0, 1), float64 [n, axes], from (key, uid, axis, attempt) alone."""
    from neurosim.kernels.rng import hash_pairs

    out = np.zeros((axes, uid.size))
    nth = np.full(uid.size, attempt, np.int64)
    for axis in range(axes):
        hash_pairs(np.uint64(key), np.ascontiguousarray(uid), np.full(uid.size, axis), nth, out[axis])
    return out.T


def _axes(label: str, dim: int | None, usual: int, *given: Vector) -> int:
    """How many axes the arguments speak of."""
    told = {len(v) for v in given if isinstance(v, Sequence | np.ndarray)} | ({dim} if dim is not None else set())
    axes = told.pop() if len(told) == 1 else usual if not told else 0
    if axes not in (2, 3):
        raise ParameterError(f"{label}: needs 2 or 3 coordinates, the same number everywhere; for example dim=2")
    return axes


def _vector(label: str, value: Vector, axes: int) -> tuple[float, ...]:
    numbers = np.atleast_1d(np.asarray(value, object))
    if numbers.ndim != 1 or numbers.size not in (1, axes):
        raise ParameterError(f"{label}: needs one number or {axes} of them, got {value!r}")
    return tuple(check_number(label, number) for number in np.broadcast_to(numbers, (axes,)))


def _short(vector: Sequence[float] | np.ndarray) -> str:
    return "(" + ", ".join(f"{x:g}" for x in vector) + ")"
