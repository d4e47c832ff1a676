"""The two-variable model of Izhikevich (2003)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.neurons.lif import at_threshold
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics, Stage


def _izhikevich(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return {name: p[name] for name in ("a", "b", "c", "d", "v_th", "i_e")} | {
        "h": np.full_like(p["a"], dt),
        "wait": np.zeros_like(p["a"]),
    }


def euler(v, u, delta, current, h, a, b, i_e):
    return v + h * (0.04 * v * v + 5.0 * v + 140.0 - u + i_e + current) + delta, u + h * a * (b * v - u)


def reset_izhikevich(u, c, d):
    return c, u + d


@names_checked
@dataclass(frozen=True)
class Izhikevich:
    """Simple model of spiking neurons (Izhikevich 2003): dv/dt = 0.04 v^2 + 5 v + 140 - u + I, du/dt = a (b v - u).

    At v >= v_th: v = c, u += d.  A spike moves v by the weight (mV).  Forward Euler with dt, both from the old values, as
    NEST's `izhikevich` with consistent_integration.

    Parameters
    ----------
    a : float
        Rate of recovery (1/ms).
    b : float
        Sensitivity of the recovery to v.
    c : float
        Reset of v (mV).
    d : float
        Step of u at a spike (mV/ms).
    v_th : float
        Peak at which the spike is counted (mV).
    i_e : float
        Constant input (mV/ms; the paper's I); currents that are injected count the same way, in these units.
    """

    a: float = 0.02
    b: float = 0.2
    c: float = -65.0
    d: float = 8.0
    v_th: float = 30.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="izhikevich",
        state={"v": ("c", "mV"), "u": (lambda p: p["b"] * p["c"], "mV/ms")},
        receptors={"delta": 0},
        coefficients=("h", "a", "b", "c", "d", "i_e", "v_th", "wait"),
        derive=_izhikevich,
        stages=(Stage(("v", "u"), euler),),
        fires=at_threshold,
        reset=Stage(("v", "u"), reset_izhikevich),
        refractory=False,
        receptor_unit="mV",
    )

    def __post_init__(self) -> None:
        check_model(self)
