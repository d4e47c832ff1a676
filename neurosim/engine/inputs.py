"""Turns the stimuli of a network into the tables that `kernels/stimuli.py` reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurosim.kernels import stimuli as kernel
from neurosim.kernels.rng import stream_key
from neurosim.stimuli import Current, OrnsteinUhlenbeck, PatternInput, PoissonInput, SineCurrent, WhiteNoise

FOREVER = 1 << 62
#: What a stimulus may give for each neuron.
PER_NEURON = ("rate", "amplitude", "sd", "patterns")
#: Events a step up to which counts are looked up in a table; above, they are drawn in parts.
MOST_LISTED = 1000.0


@dataclass
class Applied:
    """A stimulus on its target: the neurons and ring columns now, its random key, and its memory.

    Arrays in the description (rates, amplitudes, patterns) have one value per neuron of the target, in its order.  They
    follow the uids: when a neuron dies, its value goes.
    """

    stimulus: Any
    number: int
    population: int
    index: np.ndarray
    receptor: str = ""
    active: bool = True
    column: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    memory: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _uid: np.ndarray | None = field(default=None, repr=False)

    @property
    def uid(self) -> np.ndarray:
        """Uids of the neurons, ascending."""
        return np.zeros(0, np.int64) if self._uid is None else self._uid

    @uid.setter
    def uid(self, uid: np.ndarray) -> None:
        if self._uid is not None and not np.array_equal(uid, self._uid):
            kept = np.searchsorted(self._uid, uid)
            arrays = {name: getattr(self.stimulus, name, 0.0) for name in PER_NEURON}
            changes = {name: np.asarray(value)[..., kept] for name, value in arrays.items() if np.ndim(value)}
            self.stimulus = replace(self.stimulus, **changes)
        self._uid = uid


def counts_table(mean: float) -> tuple[np.ndarray, np.ndarray]:
    """(guide, cumulative) of a Poisson count.

    cumulative[k] is the largest 48-bit number that means at most k events.  guide[u >> 36] is the count of all numbers u
    with these high 12 bits, or -1 - (the smallest) where they mean several.
    """
    most = int(mean + 12.0 * math.sqrt(mean) + 30)
    k = np.arange(most + 1)
    chance = np.where(k == 0, 1.0, 0.0)
    if mean > 0:
        chance = np.exp(k * math.log(mean) - mean - np.array([math.lgamma(i + 1.0) for i in k]))
    top = (1 << 48) - 1
    cumulative = np.maximum.accumulate(np.clip(np.floor(np.cumsum(chance) * 2.0**48) - 1.0, 0.0, float(top))).astype(
        np.uint64
    )
    cumulative[-1] = top
    cell = np.arange(kernel.GUIDE_SIZE, dtype=np.uint64) << np.uint64(36)
    low = np.searchsorted(cumulative, cell, side="left")
    high = np.searchsorted(cumulative, cell + np.uint64((1 << 36) - 1), side="left")
    return np.where(low == high, low, -1 - low).astype(np.int16), cumulative


class _Tables:
    """Lines of a table while they are collected."""

    def __init__(self) -> None:
        self.line: list[list[int]] = []
        self.number: list[list[float]] = []
        self.key: list[np.uint64] = []
        self.uid: list[np.ndarray] = []
        self.column: list[np.ndarray] = []
        self.value: list[np.ndarray] = []
        self.guide: list[np.ndarray] = []
        self.cumulative: list[np.ndarray] = []
        self.course: list[np.ndarray] = []

    @staticmethod
    def length(parts: Sequence[np.ndarray]) -> int:
        return sum(p.size for p in parts)

    def add(self, applied: Applied, kind: int, seed: int, start: int, stop: int, **numbers: float) -> list[int]:
        first = self.length(self.uid)
        line = [
            kind,
            start,
            stop,
            first,
            first + applied.uid.size,
            0,
            0,
            self.length(self.value),
            0,
            0,
            1,
            applied.uid.size,
        ]
        self.line.append(line)
        names = ("WEIGHT", "SHARE", "FREQUENCY", "PHASE", "DECAY", "MEAN", "SPREAD")
        self.number.append([numbers.get(name.lower(), 0.0) for name in names])
        self.key.append(stream_key(seed, "stimulus", applied.number))
        self.uid.append(applied.uid)
        self.column.append(applied.column)
        return line

    def add_course(self, line: list[int], course: np.ndarray, every: int) -> None:
        line[kernel.COURSE : kernel.COURSE_EVERY + 1] = [self.length(self.course), course.size, every]
        self.course.append(course)

    def add_counts(self, line: list[int], mean: float) -> None:
        guide, cumulative = counts_table(mean)
        line[kernel.GUIDE], line[kernel.CUMULATIVE] = self.length(self.guide), self.length(self.cumulative)
        self.guide.append(guide)
        self.cumulative.append(cumulative)

    def shared(self) -> tuple[np.ndarray, ...]:
        """line, number, key, uid, column, value."""
        return (
            np.array(self.line, np.int64).reshape(-1, 12),
            np.array(self.number, np.float64).reshape(-1, 7),
            np.array(self.key, np.uint64),
            _joined(self.uid, np.int64),
            _joined(self.column, np.int64),
            _joined(self.value, np.float64),
        )


def _joined(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *parts]).astype(dtype)


def _window(stimulus: object, dt: float) -> tuple[int, int]:
    start, stop = stimulus.start, stimulus.stop  # type: ignore[attr-defined]
    return round(start / dt), FOREVER if math.isinf(stop) else round(stop / dt)


def poisson_tables(applied: Sequence[Applied], dt: float, seed: int) -> tuple[np.ndarray, ...]:
    """Arguments of `kernels.stimuli.poisson` between n_steps and ring."""
    tables = _Tables()
    for one in applied:
        stimulus = one.stimulus
        if not one.active or not isinstance(stimulus, PoissonInput | PatternInput):
            continue
        start, stop = _window(stimulus, dt)
        if isinstance(stimulus, PatternInput):
            line = tables.add(one, kernel.OWN_RATE, seed, start, stop, weight=stimulus.weight)
            tables.value.append((np.asarray(stimulus.patterns) * (1e-3 * dt)).ravel())
            which = np.asarray(stimulus.which, np.float64)
            course = np.append(np.where(which < 0, -1e9, -1.0 - which), -1e9)
            tables.add_course(line, course, round(stimulus.every / dt))
            continue
        rate = np.asarray(stimulus.rate, np.float64)
        if rate.ndim and rate.size and (rate == rate[0]).all():
            rate = rate[0]
        mean = rate * (1e-3 * dt)
        if stimulus.correlation:
            share = stimulus.correlation
            line = tables.add(one, kernel.SHARED, seed, start, stop, weight=stimulus.weight, share=share)
            tables.add_counts(line, float(mean) / share)
        elif mean.ndim == 0 and stimulus.course is None and mean <= MOST_LISTED:
            line = tables.add(one, kernel.SAME_RATE, seed, start, stop, weight=stimulus.weight)
            tables.add_counts(line, float(mean))
        else:
            line = tables.add(one, kernel.OWN_RATE, seed, start, stop, weight=stimulus.weight)
            tables.value.append(np.broadcast_to(mean, one.index.shape))
            if stimulus.course is not None:
                tables.add_course(line, np.asarray(stimulus.course), round(stimulus.every / dt))
    quads = np.zeros(max((u.size for u in tables.uid), default=0) // 4 + 2, np.uint64)
    guide, cumulative = _joined(tables.guide, np.int16), _joined(tables.cumulative, np.uint64)
    return (*tables.shared(), guide, cumulative, _joined(tables.course, np.float64), quads)


def current_tables(applied: Sequence[Applied], dt: float, seed: int) -> tuple[object, ...]:
    """Arguments of `kernels.stimuli.current` between n_steps and ring; the memories are gathered by `gather_memory`."""
    tables = _Tables()
    for one in applied:
        stimulus = one.stimulus
        if not one.active or not isinstance(stimulus, Current | SineCurrent | WhiteNoise | OrnsteinUhlenbeck):
            continue
        start, stop = _window(stimulus, dt)
        if isinstance(stimulus, Current):
            kind = kernel.CONSTANT if stimulus.course is None else kernel.COURSED
            line = tables.add(one, kind, seed, start, stop)
            size = stimulus.amplitude
            if stimulus.course is not None:
                tables.add_course(line, np.asarray(stimulus.course), round(stimulus.every / dt))
        elif isinstance(stimulus, SineCurrent):
            phase = stimulus.phase / (2.0 * math.pi)
            tables.add(one, kernel.SINE, seed, start, stop, frequency=stimulus.frequency, phase=phase)
            size = stimulus.amplitude
        elif isinstance(stimulus, WhiteNoise):
            tables.add(one, kernel.WHITE, seed, start, stop, mean=stimulus.mean)
            size = stimulus.sd
        else:
            keep = math.exp(-dt / stimulus.tau)
            spread = math.sqrt(-math.expm1(-2.0 * dt / stimulus.tau))
            tables.add(one, kernel.ORNSTEIN_UHLENBECK, seed, start, stop, mean=stimulus.mean, decay=keep, spread=spread)
            size = stimulus.sd
        tables.value.append(np.broadcast_to(np.asarray(size, np.float64), one.index.shape))
    memory = _joined(
        [
            m.memory
            for m in applied
            if m.active and isinstance(m.stimulus, Current | SineCurrent | WhiteNoise | OrnsteinUhlenbeck)
        ],
        np.float64,
    )
    return (dt, *tables.shared(), _joined(tables.course, np.float64), memory)


def scatter_memory(applied: Sequence[Applied], memory: np.ndarray) -> None:
    """Give every noise current its part of `memory` back."""
    at = 0
    for one in applied:
        if one.active and isinstance(one.stimulus, Current | SineCurrent | WhiteNoise | OrnsteinUhlenbeck):
            one.memory = memory[at : at + one.memory.size].copy()
            at += one.memory.size


def shard_tables(
    tables: tuple[Any, ...], applied: Sequence[Applied], home: dict[int, tuple[Any, Any]], shard: int, *, line: int
) -> tuple[Any, ...]:
    """The same tables for the neurons of one shard: `tables[line]` are the lines of the active ones of `applied`."""
    lines = tables[line].copy()
    active = [one for one in applied if one.active]
    for row, one in zip(lines, active, strict=True):
        low, high = np.searchsorted(one.index, home[one.population][1].part(shard))
        row[kernel.LAST] = row[kernel.FIRST] + high
        row[kernel.FIRST] += low
        row[kernel.VALUE] += low
    own = tables[:line] + (lines,) + tables[line + 1 :]
    return (*own[:-1], np.zeros_like(own[-1])) if line == 0 and shard else own  # scratch of each thread
