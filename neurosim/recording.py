"""Recorders: what a run leaves behind, as NumPy arrays.  Knows arrays and steps; the network feeds it.

Every recorder has a window (ms), may keep only the last `ring` ms, and can be made a pandas table.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas


class Recorder:
    """What all recorders share: when they listen, how much they keep, and their parts by name."""

    what = ""

    def __init__(self, label: str, dt: float, *, start: int, window: tuple[int, int] | None, ring: int | None) -> None:
        self.label = label
        self.dt = dt
        self.start = start
        self.window = window
        self.ring = ring
        self.last = start
        self._parts: dict[str, list[Any]] = {}
        self._wanted = np.zeros(1, np.bool_)

    def _want(self, who: Iterable[np.ndarray]) -> None:
        """Hear the spikes of these uids and of no others; the last entry stands for all larger ones."""
        own = np.concatenate([np.zeros(0, np.int64), *who])
        self._wanted = np.zeros(int(own.max(initial=-1)) + 2, np.bool_)
        self._wanted[own] = True

    def _heard(self, stamp: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """Which of these spikes are recorded, bool."""
        hit = self._wanted.take(uid, mode="clip")
        return hit if self.window is None else hit & self.listens(stamp)

    def listens(self, stamp: np.ndarray) -> np.ndarray:
        """Which stamps (steps) lie in the window, both ends included."""
        if self.window is None:
            return np.ones(stamp.size, np.bool_)
        return np.asarray((stamp >= self.window[0]) & (stamp <= self.window[1]))

    @property
    def span(self) -> tuple[float, float]:
        """(from, to) in ms that the recorder has listened to."""
        low, high = self.start, self.last
        if self.window is not None:
            low, high = max(low, self.window[0]), min(high, self.window[1])
        if self.ring is not None:
            low = max(low, self.last - self.ring)
        return low * self.dt, max(low, high) * self.dt

    def clear(self, start: int) -> None:
        """Forget everything and listen from step `start` on."""
        self.start = self.last = start
        self._parts = {name: [] for name in self._parts}

    def reach(self, step: int) -> None:
        """The run has come to `step`."""
        self.last = step

    def ready(self) -> None:
        """Refuse a run whose spikes could not be kept; recorders with a file may."""

    def check_clear(self) -> None:
        """Refuse `clear` where it would empty a file."""

    def close(self) -> None:
        """The recorder is taken away from its network."""

    def _joined(self, name: str, dtype: type, shape: tuple[int, ...] = (0,)) -> np.ndarray:
        parts = self._parts.get(name, [])
        if len(parts) != 1:
            parts[:] = [np.concatenate([np.zeros(shape, dtype), *parts])]
            self._parts[name] = parts
        return np.asarray(parts[0])

    def _trim(self, key: str, names: tuple[str, ...]) -> None:
        """Keep what is younger than the ring."""
        if self.ring is None or len(self._parts[key]) < 8:
            return
        step = np.concatenate(self._parts[key])
        keep = step > self.last - self.ring
        for name in names:
            self._parts[name] = [np.concatenate(self._parts[name])[keep]]

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        raise NotImplementedError

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        raise NotImplementedError

    def to_pandas(self) -> "pandas.DataFrame":
        """The recording as a table."""
        raise NotImplementedError


class SpikeRecorder(Recorder):
    """Spikes of a population, view or region.

    Attributes
    ----------
    t : float64 [spikes]
        Time (ms): the end of the step in which the neuron fired.
    step : int64 [spikes]
        The same as a number of steps: t = step * dt.
    uid : int64 [spikes]
        Who fired.
    index : int64 [spikes]
        Its place among the recorded neurons (`neurons[index] == uid`).
    neurons : int64 [neurons]
        Uids of all neurons recorded so far, ascending within each population.
    segments : list of (label, first index, number)
        One for each population.
    """

    what = "spikes"

    def __init__(self, label: str, dt: float, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self._parts = {"step": [], "uid": []}
        self._who: list[tuple[str, np.ndarray]] = []

    def follow(self, who: list[tuple[str, np.ndarray]]) -> None:
        """Record these neurons (population name, uids) from now on; earlier ones stay in `neurons`."""
        known = dict(self._who)
        self._who = [(name, np.union1d(known.get(name, uid), uid)) for name, uid in who] + [
            (name, uid) for name, uid in self._who if name not in dict(who)
        ]
        self._want(uid for _, uid in who)

    def take(self, stamp: np.ndarray, uid: np.ndarray, step: int) -> None:
        """Spikes of a stretch of the run (stamp steps and uids), which has come to `step`."""
        self.last = step
        hit = self._heard(stamp, uid)
        if not hit.all():
            stamp, uid = stamp[hit], uid[hit]
        if stamp.size:
            self._parts["step"].append(stamp)
            self._parts["uid"].append(uid)
            self._trim("step", ("step", "uid"))

    @property
    def step(self) -> np.ndarray:
        return self._recent()[0]

    @property
    def uid(self) -> np.ndarray:
        return self._recent()[1]

    @property
    def t(self) -> np.ndarray:
        return self.step * self.dt

    def _recent(self) -> tuple[np.ndarray, np.ndarray]:
        step, uid = self._joined("step", np.int64), self._joined("uid", np.int64)
        if self.ring is not None:
            keep = step > self.last - self.ring
            return step[keep], uid[keep]
        return step, uid

    @property
    def neurons(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *[uid for _, uid in self._who]])

    @property
    def n(self) -> int:
        """Number of neurons recorded."""
        return self.neurons.size

    @property
    def segments(self) -> list[tuple[str, int, int]]:
        out, first = [], 0
        for name, uid in self._who:
            out.append((name, first, uid.size))
            first += uid.size
        return out

    @property
    def index(self) -> np.ndarray:
        neurons = self.neurons
        place = np.full(int(neurons.max(initial=-1)) + 1, -1, np.int64)
        place[neurons] = np.arange(neurons.size)
        return place[self.uid]

    @property
    def count(self) -> int:
        """Number of spikes."""
        return self.step.size

    def rate(self) -> float:
        """Mean rate (Hz) of a neuron over the span."""
        low, high = self.span
        return 1e3 * self.count / max(1, self.n) / (high - low) if high > low else 0.0

    def rates(self) -> np.ndarray:
        """Rate (Hz) of each neuron over the span."""
        low, high = self.span
        return np.bincount(self.index, minlength=self.n) * (1e3 / (high - low)) if high > low else np.zeros(self.n)

    def to_pandas(self) -> "pandas.DataFrame":
        import pandas

        return pandas.DataFrame({"t": self.t, "uid": self.uid, "index": self.index})

    def arrays(self) -> dict[str, np.ndarray]:
        out = {"step": self.step, "uid": self.uid, "span": np.array([self.start, self.last])}
        return out | {f"who:{k:06d}:{name}": uid for k, (name, uid) in enumerate(self._who)}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        self.start, self.last = (int(x) for x in arrays["span"])
        self._parts = {"step": [np.array(arrays["step"])], "uid": [np.array(arrays["uid"])]}
        who = [(name.split(":", 2)[2], np.array(arrays[name])) for name in sorted(arrays) if name.startswith("who:")]
        self._who = []
        self.follow(who)

    def __repr__(self) -> str:
        return f"SpikeRecorder({self.label!r}: {self.count} spikes of {self.n} neurons, {self.rate():.3g} Hz)"


class StateRecorder(Recorder):
    """A state variable of some neurons over time, sampled at the end of a step.

    Attributes
    ----------
    t : float64 [samples]
        Time (ms).
    values : float64 [samples, neurons]
    variable, unit : str
    uid : int64 [neurons]
    """

    what = "state"
    population: Any

    def __init__(
        self, label: str, dt: float, *, variable: str, unit: str, uid: np.ndarray, every: int, **options: Any
    ) -> None:
        super().__init__(label, dt, **options)
        self.variable, self.unit, self.uid, self.every = variable, unit, uid, every
        self._parts = {"step": [], "values": []}

    def take(self, stamp: np.ndarray, values: np.ndarray) -> None:
        """Samples of a stretch: stamps (steps) and values [samples, neurons]."""
        self.last = max(self.last, int(stamp[-1]))
        hit = self.listens(stamp)
        self._parts["step"].append(stamp[hit])
        self._parts["values"].append(values[hit])
        self._trim("step", ("step", "values"))

    def _kept(self) -> np.ndarray:
        step = self._joined("step", np.int64)
        return step > self.last - self.ring if self.ring is not None else np.ones(step.size, np.bool_)

    def _size(self) -> int:
        return int(self.t.size)

    @property
    def t(self) -> np.ndarray:
        return self._joined("step", np.int64)[self._kept()] * self.dt

    @property
    def values(self) -> np.ndarray:
        return self._joined("values", np.float64, (0, self.uid.size))[self._kept()]

    def to_pandas(self) -> "pandas.DataFrame":
        import pandas

        return pandas.DataFrame(self.values, index=pandas.Index(self.t, name="t"), columns=self.uid)

    def arrays(self) -> dict[str, np.ndarray]:
        kept = self._kept()
        return {
            "step": self._joined("step", np.int64)[kept],
            "values": self._joined("values", np.float64, (0, self.uid.size))[kept],
            "uid": self.uid,
            "span": np.array([self.start, self.last]),
        }

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        self.start, self.last = (int(x) for x in arrays["span"])
        self.uid = np.array(arrays["uid"])
        self._parts = {"step": [np.array(arrays["step"])], "values": [np.array(arrays["values"])]}

    def __repr__(self) -> str:
        return f"StateRecorder({self.label}.{self.variable}: {self._size()} samples of {self.uid.size} neurons)"


class RateRecorder(Recorder):
    """Mean rate of a population, view or region in bins of `width` ms.

    Attributes
    ----------
    t : float64 [bins]
        Centres of the bins (ms); only bins that are over.
    rate : float64 [bins]
        Hz, mean over the neurons.
    width : float
        ms.
    """

    what = "rates"

    def __init__(self, label: str, dt: float, *, every: int, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self.every = every
        self._parts = {"bin": [], "count": [], "neurons": []}
        self._n = 0

    @property
    def width(self) -> float:
        return self.every * self.dt

    def follow(self, who: list[tuple[str, np.ndarray]]) -> None:
        """Count these neurons (population name, uids) from now on."""
        uid = np.concatenate([np.zeros(0, np.int64), *[u for _, u in who]])
        self._want([uid])
        self._n = uid.size

    def take(self, stamp: np.ndarray, uid: np.ndarray, step: int) -> None:
        """Spikes of a stretch of the run, which has come to `step`."""
        first, self.last = self.last, step
        low = first // self.every
        hit = self._heard(stamp, uid)
        count = np.bincount((stamp[hit] - 1) // self.every - low, minlength=(step - 1) // self.every - low + 1)
        if step > first:
            bins = low + np.arange(count.size)
            steps = np.minimum((bins + 1) * self.every, step) - np.maximum(bins * self.every, first)
            self._parts["bin"].append(bins)
            self._parts["count"].append(count.astype(np.float64))
            self._parts["neurons"].append(self._n * steps.astype(np.float64))

    def _bins(self) -> tuple[np.ndarray, np.ndarray]:
        bins = self._joined("bin", np.int64)
        if bins.size == 0:
            return bins, np.zeros(0)
        low = bins[0]
        count = np.bincount(bins - low, self._joined("count", np.float64))
        time = np.bincount(bins - low, self._joined("neurons", np.float64))
        which = low + np.arange(count.size)
        whole = self._over(which)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(time > 0, count / (time * self.dt) * 1e3, 0.0)
        return which[whole], rate[whole]

    def _over(self, which: np.ndarray) -> np.ndarray:
        """Which of these bins have been heard from beginning to end, bool."""
        over = ((which + 1) * self.every <= self.last) & (which * self.every >= self.start)
        if self.window is not None:
            over &= (which * self.every >= self.window[0]) & ((which + 1) * self.every <= self.window[1])
        if self.ring is not None:
            over &= which * self.every >= self.last - self.ring
        return over

    def _size(self) -> int:
        return int(self.t.size)

    @property
    def t(self) -> np.ndarray:
        return (self._bins()[0] + 0.5) * self.width

    @property
    def rate(self) -> np.ndarray:
        return self._bins()[1]

    def to_pandas(self) -> "pandas.DataFrame":
        import pandas

        return pandas.DataFrame({"t": self.t, "rate": self.rate})

    def arrays(self) -> dict[str, np.ndarray]:
        types = {"bin": np.int64, "count": np.float64, "neurons": np.float64}
        return {name: self._joined(name, dtype) for name, dtype in types.items()} | {
            "span": np.array([self.start, self.last])
        }

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        self.start, self.last = (int(x) for x in arrays["span"])
        self._parts = {name: [np.array(arrays[name])] for name in ("bin", "count", "neurons")}

    def __repr__(self) -> str:
        return f"RateRecorder({self.label!r}: {self._size()} bins of {self.width:g} ms)"


class Snapshots(Recorder):
    """What recorders of weights and edges share: one sample of a projection at each of their times."""

    lists: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def __init__(self, label: str, dt: float, *, every: float, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self.every = every
        self._parts = {name: [] for name in ("step", *self.numbers, *self.lists)}

    def take(self, step: int, **values: Any) -> None:
        """One sample at `step`."""
        if not self.listens(np.array([step]))[0]:
            return
        self.last = step
        self._parts["step"].append(step)
        for name in (*self.numbers, *self.lists):
            self._parts[name].append(values.get(name))
        if self.ring is not None:
            first = next(k for k, s in enumerate(self._parts["step"]) if s > self.last - self.ring)
            self._parts = {name: part[first:] for name, part in self._parts.items()}

    @property
    def t(self) -> np.ndarray:
        """Times of the samples (ms)."""
        return np.array(self._parts["step"], np.int64) * self.dt

    def arrays(self) -> dict[str, np.ndarray]:
        out = {"step": np.array(self._parts["step"], np.int64), "span": np.array([self.start, self.last])}
        out |= {name: np.array(self._parts[name], np.int64) for name in self.numbers}
        for name in self.lists:
            parts = [p for p in self._parts[name] if p is not None]
            out[f"{name}:size"] = np.array([p.size for p in parts], np.int64)
            out[name] = np.concatenate(parts) if parts else np.zeros(0)
        return out

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        self.start, self.last = (int(x) for x in arrays["span"])
        self._parts = {"step": [int(s) for s in arrays["step"]]}
        self._parts |= {name: [int(x) for x in arrays[name]] for name in self.numbers}
        for name in self.lists:
            sizes = arrays[f"{name}:size"]
            self._parts[name] = (
                np.split(np.array(arrays[name]), np.cumsum(sizes)[:-1])
                if sizes.size
                else [None] * len(self._parts["step"])
            )


class WeightRecorder(Snapshots):
    """Weights of a projection over time, as they are at each instant.

    Attributes
    ----------
    t : float64 [samples]
        ms.
    weight, pre, post : list of arrays
        One array a sample, in the order of the projection's edges.
    """

    what = "weights"
    lists = ("weight", "pre", "post")

    @property
    def weight(self) -> list[np.ndarray]:
        return list(self._parts["weight"])

    @property
    def pre(self) -> list[np.ndarray]:
        return list(self._parts["pre"])

    @property
    def post(self) -> list[np.ndarray]:
        return list(self._parts["post"])

    def matrix(self) -> np.ndarray:
        """Weights as float64 [samples, edges]; refused if edges came or went."""
        if any(
            not np.array_equal(p, self.pre[0]) or not np.array_equal(q, self.post[0])
            for p, q in zip(self.pre, self.post, strict=True)
        ):
            raise ValueError(
                "WeightRecorder.matrix: edges came or went between the samples; use .weight, .pre and .post"
            )
        return np.array(self.weight)

    def to_pandas(self) -> "pandas.DataFrame":
        import pandas

        sizes = [w.size for w in self.weight]
        columns = {name: np.concatenate([np.zeros(0), *self._parts[name]]) for name in self.lists}
        return pandas.DataFrame({"t": np.repeat(self.t, sizes)} | columns)

    def __repr__(self) -> str:
        return f"WeightRecorder({self.label!r}: {self.t.size} samples)"


class EdgeRecorder(Snapshots):
    """Number of edges of a projection over time, and how many were born and died since the network began.

    Attributes
    ----------
    t : float64 [samples]
        ms.
    count, born, died : int64 [samples]
        Edges now; births and deaths so far.
    pre, post : list of int64 arrays
        The edges themselves, if asked for with keep_edges.
    """

    what = "edges"
    numbers = ("count", "born", "died")
    lists = ("pre", "post")

    @property
    def count(self) -> np.ndarray:
        return np.array(self._parts["count"], np.int64)

    @property
    def born(self) -> np.ndarray:
        return np.array(self._parts["born"], np.int64)

    @property
    def died(self) -> np.ndarray:
        return np.array(self._parts["died"], np.int64)

    @property
    def pre(self) -> list[np.ndarray]:
        return list(self._parts["pre"])

    @property
    def post(self) -> list[np.ndarray]:
        return list(self._parts["post"])

    def to_pandas(self) -> "pandas.DataFrame":
        import pandas

        return pandas.DataFrame({"t": self.t, "count": self.count, "born": self.born, "died": self.died})

    def __repr__(self) -> str:
        return f"EdgeRecorder({self.label!r}: {self.t.size} samples)"
