"""Working memory of an angle: a bump of activity on a ring of conductance neurons (Compte et al. 2000).

What is held is where the ring fires; Python keeps nothing but the recorder and the pulses under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.memory.attaching import found, listened
from neurosim.memory.pulses import Pulses
from neurosim.neurons.shapes import LIFNMDA
from neurosim.plasticity.short_term import ShortTerm
from neurosim.stimuli import PoissonInput
from neurosim.wiring import all_to_all

if TYPE_CHECKING:
    from neurosim.network import Network

PUBLISHED = 2048  # excitatory cells of Compte et al.: weights are for so many, and scaled to other numbers
TAU_NMDA = 65.0  # ms
KEPT = 3000.0  # ms for which spikes are kept for reading
OPENED = 0.61  # share of closed NMDA channels that a spike opens: 1 - exp(-0.5/ms * 1.88 ms)


@names_checked
@dataclass(frozen=True, kw_only=True)
class Bump:
    """Parameters of a `BumpMemory`.

    Parameters
    ----------
    n : int
        Excitatory cells; a quarter as many are inhibitory.  Below about 200 bumps die.
    peak : float
        Strength of the recurrent synapses between cells of like angle, relative to their mean.
    width : float
        Their standard deviation (degrees).
    rate : float
        Rate (Hz) of the Poisson input of each cell.
    cue : float
        Current (pA) of a cue.
    cue_width : float
        Cells within half of it (degrees) are cued.

    References
    ----------
    Compte, Brunel, Goldman-Rakic & Wang (2000) Cereb. Cortex 10:910; conductances and time constants as in the working-memory
    exercise of EPFL's Neuronal Dynamics, which altered them for small networks (there `peak` is 1.6 and the cue 70 pA).
    """

    n: int = 256
    peak: float = 1.8
    width: float = 20.0
    rate: float = 1400.0
    cue: float = 200.0
    cue_width: float = 40.0

    def __post_init__(self) -> None:
        check_count("Bump.n", self.n, least=16)
        for name in ("peak", "width", "cue_width"):
            settle(self, name, check_positive)
        settle(self, "rate", check_not_negative, "Hz")
        settle(self, "cue", check_number, "pA")

    @property
    def n_inh(self) -> int:
        """Inhibitory cells."""
        return max(1, self.n // 4)


class BumpMemory:
    """Working memory of one angle: cells that prefer it fire on after the cue, and the bump wanders a little.

    Excitatory synapses are NMDA receptors that saturate (`ShortTerm` with their time constant: what is open cannot open again)
    and are stronger between cells of like angle; inhibition is uniform.  Adds populations ``<name>.exc`` and ``<name>.inh``, four
    projections, Poisson input and a recorder of spikes.

    Parameters
    ----------
    net : Network
    name : str
    parameters : Bump, optional

    Attributes
    ----------
    exc, inh : Population
    angle : float64 [n]
        Preferred angle of each excitatory cell (degrees).
    spikes : SpikeRecorder
        Of `exc`; keeps the last 3 s.

    Examples
    --------
    >>> import neurosim as ns
    >>> memory = BumpMemory(ns.Network(dt=0.25, seed=1), parameters=Bump(n=64))
    >>> memory.write(90.0)
    >>> memory.read() is None  # nothing yet
    True
    """

    def __init__(self, net: Network, *, name: str = "ring", parameters: Bump | None = None) -> None:
        self._describe(net, name, parameters)
        p, self._pulses = self.parameters, Pulses(net)
        synaptic = {"v_th": -50.0, "v_reset": -60.0, "tau_ampa": 1.8, "tau_nmda_rise": 1.88, "tau_nmda_decay": TAU_NMDA}
        exc = LIFNMDA(g_l=25.0, c_m=500.0, t_ref=2.0, **synaptic)
        inh = LIFNMDA(g_l=20.0, c_m=200.0, t_ref=1.0, **synaptic)
        self.exc = net.add_population(f"{name}.exc", exc, p.n)
        self.inh = net.add_population(f"{name}.inh", inh, p.n_inh)
        for part in (self.exc, self.inh):
            part.v = uniform(-70.0, -52.0)
        self._wire()
        net.stimulate(self.exc, PoissonInput(p.rate, 3.1))  # nS
        net.stimulate(self.inh, PoissonInput(p.rate, 2.38))
        self.spikes = net.record(self.exc, "spikes", ring=KEPT)

    @classmethod
    def attach(cls, net: Network, *, name: str = "ring", parameters: Bump | None = None) -> BumpMemory:
        """The ring of this name in a network that has one already, for example after `ns.load`; arguments as when it was made."""
        self = cls.__new__(cls)
        self._describe(net, name, parameters)
        p = self.parameters
        self.exc, self.inh = found(net, "BumpMemory", name, {"exc": p.n, "inh": p.n_inh})
        self._pulses, self.spikes = Pulses(net, [self.exc]), listened(net, self.exc, KEPT)
        return self

    def _describe(self, net: Network, name: str, parameters: Bump | None) -> None:
        self.network, self.name, self.parameters = net, name, parameters or Bump()
        self.angle = np.arange(self.parameters.n) * 360.0 / self.parameters.n

    def _wire(self) -> None:
        p, net, exc, inh = self.parameters, self.network, self.exc, self.inh
        more, delay = PUBLISHED / p.n, net.dt * max(1, round(0.5 / net.dt))
        nmda = ShortTerm(U=OPENED, tau_rec=TAU_NMDA)
        strength = (0.381 * more * self.profile()).ravel()
        for part, weight in ((exc, strength), (inh, 0.292 * more)):
            label = f"{self.name}.exc->{part.name.rpartition('.')[2]}"
            net.connect(
                exc,
                part,
                all_to_all(),
                weight=weight,
                delay=delay,
                receptor="nmda",
                plasticity=nmda,
                autapses=True,
                name=label,
            )
        for part, weight in ((exc, -1.336 * more), (inh, -1.024 * more)):
            label = f"{self.name}.inh->{part.name.rpartition('.')[2]}"
            net.connect(inh, part, all_to_all(), weight=weight, delay=delay, autapses=True, name=label)

    def profile(self) -> np.ndarray:
        """Relative strength of the synapse from cell i to cell j: a Gaussian of their difference above a floor, of mean 1.

        Returns
        -------
        float64 [n, n]
        """
        apart = np.abs((self.angle[:, None] - self.angle + 180.0) % 360.0 - 180.0)
        shape = np.exp(-0.5 * (apart / self.parameters.width) ** 2)
        mean, peak = float(shape[0].mean()), self.parameters.peak
        floor = (1.0 - peak * mean) / (1.0 - mean)
        return np.asarray(floor + (peak - floor) * shape)

    # ---- what a user does --------------------------------------------------------------------------------------------

    def write(self, angle: float, *, duration: float = 250.0, gain: float = 1.0) -> None:
        """Cue an angle (degrees) from now on: a current into the cells that prefer it; the same is a distractor later on.

        Parameters
        ----------
        angle : float
            Degrees.
        duration : float
            ms.
        gain : float
            Factor of the current `Bump.cue`.
        """
        apart = np.abs((self.angle - check_number(f"{self.name}.angle", angle) + 180.0) % 360.0 - 180.0)
        cells = np.flatnonzero(apart <= self.parameters.cue_width / 2.0)
        if not cells.size:
            raise ParameterError(
                f"Bump.cue_width: {self.parameters.cue_width:g} degrees hold none of {self.parameters.n} cells; for example 40"
            )
        now = self.network.now
        stop = now + check_positive(f"{self.name}.duration", duration, "ms")
        self._pulses.give(self.exc[cells], gain * self.parameters.cue, now, stop)

    def clear(self, duration: float = 300.0) -> None:
        """Inhibit all excitatory cells from now on (1 nA), which ends a bump; NMDA fades with 65 ms."""
        self._pulses.give(self.exc, -1000.0, self.network.now, self.network.now + duration)

    def read(self, window: float = 250.0) -> float | None:
        """The angle held (degrees in [0, 360)), from the population vector of the last `window` ms; None if there is no bump.

        There is none if cells fire less than 2 Hz on average, or the mean vector of their spikes is shorter than 0.6.
        """
        begin = max(self.network.now - window, self.spikes.span[0])
        vector, rate = self._vector(begin, self.network.now)
        return float(np.rad2deg(np.angle(vector)) % 360.0) if rate >= 2.0 and abs(vector) >= 0.6 else None

    def course(self, every: float = 250.0, last: float = 3000.0) -> np.ndarray:
        """The angle (degrees, without jumps at 360) in each `every` ms of the last `last` ms, NaN where nothing fired."""
        ends = self.network.now - last + every * np.arange(1, int(last / every + 1e-9) + 1)
        vectors = np.array([self._vector(end - every, end)[0] for end in ends])
        angles = np.where(vectors == 0.0, np.nan, np.rad2deg(np.angle(vectors)))
        return np.unwrap(angles, period=360.0)

    def _vector(self, start: float, stop: float) -> tuple[complex, float]:
        """Mean of the unit vectors of all spikes, and the mean rate (Hz)."""
        t = self.spikes.t
        which = self.spikes.index[(t > start) & (t <= stop)]
        if not which.size:
            return 0j, 0.0
        vector = complex(np.exp(1j * np.deg2rad(self.angle[which])).mean())
        return vector, 1e3 * which.size / self.parameters.n / max(stop - start, self.network.dt)

    def __repr__(self) -> str:
        held = self.read()
        return f"BumpMemory({self.name!r}: {self.parameters.n} cells, {'nothing' if held is None else f'{held:.0f} degrees'})"


def diffusion(courses: np.ndarray, every: float, *, longest: int = 6) -> float:
    """Diffusion D of bumps (degrees^2/s): the slope of the mean square displacement over the lag, errors of reading left out.

    Parameters
    ----------
    courses : float64 [trials, samples]
        Angles (degrees, without jumps), one every `every` ms.
    every : float
        ms.
    longest : int
        Longest lag (samples).

    Examples
    --------
    >>> walks = np.cumsum(np.random.default_rng(1).normal(0.0, 2.0, (400, 12)), axis=1)  # 4 degrees^2 in each 250 ms
    >>> round(diffusion(walks, 250.0))
    16
    """
    lags = np.arange(1, min(longest, courses.shape[1] - 1) + 1)
    squares = [np.mean((courses[:, lag:] - courses[:, :-lag]) ** 2) for lag in lags]
    return float(np.polyfit(lags * every * 1e-3, squares, 1)[0])
