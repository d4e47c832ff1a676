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

    def follow(self, uid: np.ndarray, newborn: float = 0.0) -> None:
        """Keep these neurons; newborns start at the rate `newborn` (Hz)."""
        if np.array_equal(uid, self.uid):
            return
        rate = np.full(uid.size, newborn)
        _, new, old = np.intersect1d(uid, self.uid, return_indices=True)
        rate[new] = self.rate[old]
        self.uid, self.rate = uid, rate

    def observe(self, step: int, stamp: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """Advance to `step` with the spikes since the last time; return the integral of the rate over them (Hz ms)."""
        elapsed = (step - self.step) * self.dt
        place = np.searchsorted(self.uid, uid)
        mine = (
            (place < self.uid.size) & (self.uid[np.minimum(place, max(0, self.uid.size - 1))] == uid)
            if self.uid.size
            else np.zeros(uid.size, np.bool_)
        )
        place, age = place[mine], (step - stamp[mine]) * self.dt
        jump = 1e3 / self.tau
        n = np.bincount(place, minlength=self.uid.size)
        now = self.rate * np.exp(-elapsed / self.tau) + jump * np.bincount(
            place, np.exp(-age / self.tau), self.uid.size
        )
        integral = self.tau * (self.rate + jump * n - now)
        self.rate, self.step = now, step
        return np.asarray(integral)
