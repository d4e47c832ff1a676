"""A slow trace of each neuron's firing, from its spikes alone."""

import numpy as np


class Calcium:
    """dr/dt = -r / tau, and 1000 / tau (Hz) more at each spike: r is the firing rate over the last tau ms.

    The trace of Butz & van Ooyen (2013) and NEST, Ca, is r * tau * beta / 1000.  Both the trace and its integral are exact:
    between spikes the integral over a decay is tau (r_start - r_end).

    Attributes
    ----------
    uid : int64 [neurons]
        Ascending.
    rate : float64 [neurons]
        Hz, at `step`.
    """

    def __init__(self, tau: float, dt: float, step: int) -> None:
        self.tau, self.dt, self.step = tau, dt, step
        self.uid = np.zeros(0, np.int64)
        self.rate = np.zeros(0)
        self.asked: list[np.ndarray] = []  # the lists of uids that made ours, for who keeps it in step with them
        self._placed: np.ndarray | None = None
        self._table = np.zeros(0, np.int64)

    def follow(self, uid: np.ndarray, newborn: float = 0.0) -> None:
        """Keep these neurons; newborns start at the rate `newborn` (Hz)."""
        if np.array_equal(uid, self.uid):
            return
        rate = np.full(uid.size, newborn)
        _, new, old = np.intersect1d(uid, self.uid, return_indices=True)
        rate[new] = self.rate[old]
        self.uid, self.rate = uid, rate

    @property
    def place(self) -> np.ndarray:
        """Place of each uid among ours, or -1; int64 [largest uid + 1]."""
        if self._placed is not self.uid:
            self._placed, self._table = self.uid, table_of(self.uid)
        return self._table

    def observe(self, step: int, stamp: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """Advance to `step` with the spikes since the last time; return the integral of the rate over them (Hz ms)."""
        from neurosim.kernels import elements

        before, self.rate = self.rate, np.empty(self.uid.size)  # the old array may be in somebody's hands
        integral = np.empty(self.uid.size)
        elements.observe(self.step, step, self.dt, self.tau, stamp, uid, self.place, before, self.rate, integral)
        self.step = step
        return integral

    def by_neuron(self, stamp: np.ndarray, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The spikes since the last time, neuron by neuron: (first int64 [neurons + 1], stamps int64)."""
        from neurosim.kernels import elements

        first, ordered = np.zeros(self.uid.size + 1, np.int64), np.empty(stamp.size, np.int64)
        elements.by_neuron(self.step, stamp, uid, self.place, first, ordered)
        return first, ordered


def table_of(uid: np.ndarray) -> np.ndarray:
    """Place of each uid in this ascending array, or -1; int64 [largest uid + 1]."""
    table = np.full(int(uid[-1]) + 1 if uid.size else 0, -1, np.int64)
    table[uid] = np.arange(uid.size)
    return table
