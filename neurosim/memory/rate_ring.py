"""A bump on a ring of rate cells, hundreds of trials at once in NumPy: what the spiking ring is compared with (Wimmer et al. 2014).

Knows no network: it is a reference for the statistics of wandering bumps, and no memory of the live network; that is `bump`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked, settle

LEAST_MODE = 1e-9  # Fourier components of the synapses that are smaller, relative to the mean, are left out
_POSITIVE = ("dt", "tau_exc", "tau_inh", "kappa", "cue_kappa")
_NUMBERS = ("g_ee", "g_ei", "g_ie", "g_ii", "i_exc", "i_inh", "cue")


@names_checked
@dataclass(frozen=True, kw_only=True)
class RateRing:
    """Rate cells on a ring: excitation falls off with distance, inhibition is the same everywhere.

    ::

        tau_exc dr/dt = -r + f(g_ee sum_j w_ij r_j - g_ie R_I + i_exc + cue) + noise_exc xi,
        tau_inh dR/dt = -R + f(g_ei mean(r) - g_ii mean(R) + i_inh) + noise_inh xi,
        f(x) = 0 below 0, x^2 to 1, sqrt(4 x - 3) above.

    All in units of the model but for times.  Noise enters each step of dt without a square root, as in the published script,
    so dt belongs to the model.  Inhibitory cells hear and send averages only; their mean is therefore advanced alone, with the
    noise of a mean of n cells, which has the same law as n cells one by one.

    Parameters
    ----------
    n : int
        Excitatory cells, and as many inhibitory ones.
    dt, tau_exc, tau_inh : float
        Step and time constants (ms).
    kappa : float
        Concentration of the excitatory synapses (von Mises, sum 1).
    g_ee, g_ei, g_ie, g_ii : float
        Strengths: excitatory to excitatory, excitatory to inhibitory, inhibitory to excitatory, inhibitory to inhibitory.
    i_exc, i_inh : float
        Constant input.
    noise_exc, noise_inh : float
        Standard deviation of the noise.
    cue : float
        Strength of a cue at 512 cells: it is `cue` times a von Mises profile of sum n / 512, so that a cell hears the same in
        rings of all sizes.
    cue_kappa : float
        Concentration of that profile.  The published script takes `kappa` (1.5); 4.5, a cue three times as concentrated, gives
        the displacements by distractors in benchmarks/memory_working.py.

    Examples
    --------
    >>> ring = RateRing(n=128)
    >>> error = ring.errors(100.0, trials=4, every=50.0)
    >>> error.shape
    (4, 2)

    References
    ----------
    Wimmer, Nykamp, Constantinidis & Compte (2014) Nat. Neurosci. 17:431; numbers as in the script that came with it.
    """

    n: int = 512
    dt: float = 2.0
    tau_exc: float = 20.0
    tau_inh: float = 10.0
    kappa: float = 1.5
    g_ee: float = 6.0
    g_ei: float = 4.0
    g_ie: float = 3.4
    g_ii: float = 0.85
    i_exc: float = 0.2
    i_inh: float = 0.5
    noise_exc: float = 1.0
    noise_inh: float = 3.0
    cue: float = 200.0
    cue_kappa: float = 4.5

    def __post_init__(self) -> None:
        check_count("RateRing.n", self.n, least=8)
        for name in _POSITIVE:
            settle(self, name, check_positive)
        for name in _NUMBERS:
            settle(self, name, check_number)
        for name in ("noise_exc", "noise_inh"):
            settle(self, name, check_not_negative)

    @property
    def angle(self) -> np.ndarray:
        """Preferred angle of each excitatory cell (degrees), float64 [n]."""
        return np.arange(self.n) * 360.0 / self.n

    def cued(self, angle: float) -> np.ndarray:
        """Input of each cell while an angle (degrees) is cued, float64 [n]."""
        return self.cue * self.n / 512.0 * self._profile(self.cue_kappa, angle)

    def _profile(self, kappa: float, angle: float) -> np.ndarray:
        shape = np.exp(kappa * (np.cos(np.deg2rad(self.angle - angle)) - 1.0))
        return np.asarray(shape / shape.sum())

    def _modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Two matrices whose product is that of the synapses: its few Fourier components [n, modes], [modes, n]."""
        share = np.fft.rfft(self._profile(self.kappa, 0.0)).real
        kept = np.flatnonzero(np.abs(share) > LEAST_MODE)
        phase = np.deg2rad(np.outer(kept, self.angle))
        basis = np.concatenate([np.cos(phase), np.sin(phase[1:])])
        twice = np.where((kept == 0) | (2 * kept == self.n), 1.0, 2.0)
        weight = np.concatenate([share[kept] * twice, (share[kept] * twice)[1:]]) / self.n
        return basis.T.astype(np.float32), (basis * weight[:, None]).astype(np.float32)

    def errors(
        self, delay: float, *, trials: int = 200, seed: int = 1, every: float = 250.0, duration: float = 250.0,
        distance: float = 0.0, gain: float = 0.0, at: float = 1000.0,
    ) -> np.ndarray:  # fmt: skip
        """Cue 180 degrees in a silent ring, wait, and say how far the population vector is from it.

        Parameters
        ----------
        delay : float
            ms after the cue.
        trials : int
        seed : int
        every : float
            ms between two readings.
        duration : float
            ms that a cue lasts, and a distractor.
        distance, gain, at : float
            A distractor so many degrees further, of so much of the strength of the cue, from `at` ms of the delay on.

        Returns
        -------
        float64 [trials, readings]
            Degrees in [-180, 180), positive towards the distractor; the first reading is `every` ms after the cue.
        """
        rng, dt = np.random.default_rng(seed), self.dt
        begin, steps, period = (max(1, round(x / dt)) for x in (duration, delay, every))
        there, to = self._modes()
        cue = self.cued(180.0).astype(np.float32)
        other = (gain * self.cued(180.0 + distance)).astype(np.float32)
        on = begin + round(at / dt)
        direction = np.exp(1j * np.deg2rad(self.angle - 180.0)).astype(np.complex64)
        r, inhibition = np.zeros((trials, self.n), np.float32), np.zeros((trials, 1), np.float32)
        read = []
        for step in range(begin + steps):
            into = self.g_ee * ((r @ there) @ to) + (self.i_exc - self.g_ie * inhibition)
            if step < begin:
                into += cue
            if gain and on <= step < on + begin:
                into += other
            alike = self.g_ei * r.mean(1, keepdims=True) - self.g_ii * inhibition + self.i_inh
            noise = self.noise_exc * rng.standard_normal(r.shape, np.float32)
            common = float(self.noise_inh / np.sqrt(self.n)) * rng.standard_normal(inhibition.shape, np.float32)
            r += (response(into) - r + noise) * np.float32(dt / self.tau_exc)
            inhibition += (response(alike) - inhibition + common) * np.float32(dt / self.tau_inh)
            if step >= begin and (step + 1 - begin) % period == 0:
                read.append(np.rad2deg(np.angle(r @ direction)))
        return np.stack(read, axis=1).astype(np.float64)


def response(x: np.ndarray) -> np.ndarray:
    """Rate of a cell that hears x: 0 below 0, x^2 to 1, sqrt(4 x - 3) above."""
    return np.where(x < 1.0, np.square(np.maximum(x, 0.0)), np.sqrt(np.maximum(4.0 * x - 3.0, 0.0)))
