"""Short-term depression and facilitation: the description, and its scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops, where `exp` exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosim.checks import check_not_negative, check_positive, check_probability, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import exp

AT_ONCE = 1e9  # 1/ms: the rate of what is over before the next step


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTerm:
    """A synapse that tires and facilitates: each spike uses a share u of the resources x, which come back slowly.

    At a presynaptic spike, dt after the one before (Tsodyks & Markram)::

        x = 1 + (x - x * u - 1) * exp(-dt / tau_rec)
        u = U + u * (1 - U) * exp(-dt / tau_fac)
        delivered: w * u * x

    with u and x on the right-hand side those of the spike before.  A rested synapse has x = 1 and delivers w * U.  The
    weight itself does not change, so this goes well with a rule that changes it: ``plasticity=[PairSTDP(), ShortTerm()]``.

    If U, tau_rec and tau_fac are numbers, u and x belong to the presynaptic neuron (``projection.source_variable("u")``) and
    cost nothing per synapse.  If one of them is a distribution, each synapse draws its own and keeps U, tau_rec, tau_fac, u
    and x (five numbers more).
    NEST: `tsodyks2_synapse` with u = U and x = 1 given (its u does not follow U).  `tsodyks_synapse` differs in that what was
    released comes back only when the current has decayed; with tau_psc towards 0 it is the same.

    Parameters
    ----------
    U : float or distribution
        Share of the resources that a spike uses at rest, in [0, 1].
    tau_rec : float or distribution
        Time constant of recovery (ms).
    tau_fac : float or distribution
        Time constant of facilitation (ms); 0 for none.
    w_min, w_max : float
        Bounds of the weight; none by default.
    sees : {"delay", "spikes"}
        Makes no difference here; a rule next to it must say the same.

    Examples
    --------
    >>> round(ShortTerm(U=0.5, tau_rec=800.0).depressed(20.0), 3)  # what is left of w * U at 20 Hz
    0.114

    References
    ----------
    Tsodyks & Markram (1997) PNAS 94:719; Tsodyks, Uziel & Markram (2000) J. Neurosci. 20:RC50; Maass & Markram (2002)
    Neural Netw. 15:155.
    """

    U: Any = 0.5
    tau_rec: Any = 800.0
    tau_fac: Any = 0.0
    w_min: float = -math.inf
    w_max: float = math.inf
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        self._settle("U", check_probability, 1.0)
        self._settle("tau_rec", check_positive, None, "ms")
        self._settle("tau_fac", check_not_negative, None, "ms")
        check_bounds(self)
        check_sees(self)

    def _settle(self, name: str, check: Any, most: float | None, *unit: str) -> None:
        """A number in its range, or a distribution whose bounds keep it there."""
        value = getattr(self, name)
        if not hasattr(value, "draw"):
            settle(self, name, check, *unit)
            return
        low, high = value.bounds
        if low is None or low < 0.0 or (most is not None and (high is None or high > most)):
            allowed, example = (
                ("between 0 and 1", "ns.normal(0.5, 0.1, low=0.0, high=1.0)")
                if most is not None
                else ("above 0", "ns.lognormal(200.0, 50.0)")
            )
            raise ParameterError(
                f"ShortTerm.{name}: every value must be {allowed}, got {value!r}; for example {name}={example}"
            )

    @property
    def per_synapse(self) -> bool:
        """Whether synapses have values of their own."""
        return any(hasattr(value, "draw") for value in (self.U, self.tau_rec, self.tau_fac))

    @property
    def rate_rec(self) -> float:
        """1 / tau_rec (1/ms)."""
        return 1.0 / self.tau_rec

    @property
    def rate_fac(self) -> float:
        """1 / tau_fac (1/ms), and at once where tau_fac = 0."""
        return 1.0 / self.tau_fac if self.tau_fac > 0.0 else AT_ONCE

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _PER_SYNAPSE if self.per_synapse else _PER_NEURON

    def relaxed(self, elapsed: np.ndarray, u: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
        """What is left of u, and x, `elapsed` ms after the spike that left these behind (arrays)."""
        stays, missing = np.exp(-elapsed * self.rate_fac), np.exp(-elapsed * self.rate_rec)
        return {"u": u * stays, "x": 1.0 + (x - x * u - 1.0) * missing}

    def depressed(self, rate: float) -> float:
        """Resources x at the spikes of a regular train that has lasted long, without facilitation.

        Parameters
        ----------
        rate : float
            Rate of the train (Hz).
        """
        left = math.exp(-1e3 / (rate * self.tau_rec))
        return (1.0 - left) / (1.0 - (1.0 - self.U) * left)


def release_row(u, x, elapsed, U, rate_rec, rate_fac):
    """u and x at a spike; `elapsed`: since the one before."""
    return U + u * (1.0 - U) * exp(-elapsed * rate_fac), 1.0 + (x - x * u - 1.0) * exp(-elapsed * rate_rec)


def release_synapse(w, U, tau_rec, tau_fac, u, x, elapsed):
    """The same with values of the synapse's own."""
    stays = exp(-elapsed / tau_fac) if tau_fac > 0.0 else 0.0
    missing = exp(-elapsed / tau_rec) if tau_rec > 0.0 else 0.0
    return w, U, tau_rec, tau_fac, U + u * (1.0 - U) * stays, 1.0 + (x - x * u - 1.0) * missing


def released(w, u, x):
    """What is delivered."""
    return w * u * x


_RESTED = (("u", Variable(0.0)), ("x", Variable(1.0)))
_PER_NEURON = Mechanism(
    "short_term_row",
    row=_RESTED,
    parameters=("U", "rate_rec", "rate_fac"),
    on_row=release_row,
    transmit=released,
)
_PER_SYNAPSE = Mechanism(
    "short_term",
    variables=(*((name, Variable(name)) for name in ("U", "tau_rec", "tau_fac")), *_RESTED),
    on_pre=release_synapse,
    transmit=released,
)
