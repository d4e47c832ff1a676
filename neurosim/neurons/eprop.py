"""Neurons for e-prop: leaky integrate-and-fire with a pseudo-derivative, the same with an adaptive threshold, and readouts.

They hold what the learning rule needs at each step and know nothing of it: no weights, no targets, no intervals.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.errors import ParameterError
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics, Stage


def _refuse(kind: str, p: dict[str, Array], *names: str) -> None:
    """Parameters that must be positive and finite also when they are set on a population."""
    for name in names:
        bad = ~(np.isfinite(p[name]) & (p[name] > 0))
        if bad.any():
            worst = float(np.atleast_1d(p[name])[np.atleast_1d(bad)][0])
            raise ParameterError(
                f"{kind}.{name}: must be positive and finite{_UNITS[name]}, got {worst:g}; for example {kind}({name}=1.0)"
            )


_UNITS = {"tau_m": " (ms)", "v_th": " (mV above rest)", "width": " (in units of v_th)"}


def _membrane(p: dict[str, Array], dt: float) -> dict[str, Array]:
    """What readouts and spiking neurons share; an arriving weight is scaled as a low-pass of gain 1 if `scale_input`."""
    lost = -np.expm1(-dt / p["tau_m"])
    return {"decay": np.exp(-dt / p["tau_m"]), "gain": np.where(p["scale_input"] != 0.0, lost, 1.0)}


def _readout(p: dict[str, Array], dt: float) -> dict[str, Array]:
    _refuse("EPropReadout", p, "tau_m")
    return _membrane(p, dt)


def _spiking(p: dict[str, Array], dt: float) -> dict[str, Array]:
    _refuse("EPropALIF" if "tau_a" in p else "EPropLIF", p, "tau_m", "v_th", "width")
    shared = _membrane(p, dt)
    current_to_v = -np.expm1(-dt / p["tau_m"]) * p["tau_m"] / p["c_m"]
    return shared | {
        "current_to_v": current_to_v,
        "drive": current_to_v * p["i_e"],
        "v_th": p["v_th"],
        "height": p["gamma"] / p["v_th"],
        "span": p["width"] * p["v_th"],
        "wait": np.round(p["t_ref"] / dt),
    }


def _adaptive(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return _spiking(p, dt) | {"beta": p["beta"], "rho": np.exp(-dt / p["tau_a"])}


def voltage(v, z, delta, current, decay, gain, drive, current_to_v, v_th):
    heard = delta if z >= 0.0 else 0.0  # below 0, z counts the steps in which nothing is heard after a reset
    fired = v_th if z > 0.0 else 0.0
    return drive + current * current_to_v + gain * heard + v * decay - fired


def after(z):
    return z + 1.0 if z < 0.0 else 0.0


def slope(v, threshold, waiting, height, span):
    return 0.0 if waiting > 0 else height * max(0.0, 1.0 - abs(v - threshold) / span)


def integrate(v, z, delta, current, waiting, decay, gain, drive, current_to_v, v_th, height, span):
    new = voltage(v, z, delta, current, decay, gain, drive, current_to_v, v_th)
    return new, after(z), slope(new, v_th, waiting, height, span)


def integrate_and_adapt(v, a, z, delta, current, decay, gain, drive, current_to_v, v_th, rho):
    new = voltage(v, z, delta, current, decay, gain, drive, current_to_v, v_th)
    return new, a * rho + max(z, 0.0), after(z)


def slope_at_adapted(v, a, waiting, v_th, beta, height, span):
    return slope(v, v_th + beta * a, waiting, height, span)


def above(v, v_th):
    return v >= v_th


def above_adapted(v, a, v_th, beta):
    return v >= v_th + beta * a


def has_fired():
    return 1.0


def read(v, z, delta, decay, gain):
    return gain * (delta if z >= 0.0 else 0.0) + v * decay, after(z)


def is_silent():
    return False


_LIF_COEFFICIENTS = ("decay", "gain", "drive", "current_to_v", "v_th", "height", "span", "wait")


@names_checked
@dataclass(frozen=True)
class EPropLIF:
    """Leaky integrate-and-fire neuron whose spikes subtract the threshold, with the pseudo-derivative that e-prop needs.

    v' = decay v + input - v_th z, decay = exp(-dt / tau_m), z = 1 in the step after a spike; v >= v_th: spike.
    psi = (gamma / v_th) max(0, 1 - |v - v_th| / (width v_th)), and 0 while refractory.  v is measured from rest.  NEST:
    `eprop_iaf_bsshslm_2020` with E_L = 0.

    Parameters
    ----------
    tau_m : float
        Membrane time constant (ms).
    v_th : float
        Threshold (mV above rest).
    t_ref : float
        Shortest interval between two spikes (ms); input goes on being integrated.
    gamma, width : float
        Height of psi (times 1 / v_th) and distance from the threshold (in v_th) at which it is 0.
    scale_input : bool
        Multiply what arrives by 1 - decay (a low-pass of gain 1, as the original code does; NEST:
        ``regular_spike_arrival=False``).  Without, a weight is a jump in mV.
    c_m : float
        Capacitance (pF); matters for currents only.
    i_e : float
        Constant current (pA).

    Notes
    -----
    State: `v` (mV), `psi` (1/mV), `z` (1 after a spike; below 0 the steps in which no spike is heard after a reset).

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.EPropLIF(v_th=0.6).gamma
    0.3

    References
    ----------
    Bellec et al. (2020) Nature Communications 11:3625, Methods.
    """

    tau_m: float = 20.0
    v_th: float = 1.0
    t_ref: float = 0.0
    gamma: float = 0.3
    width: float = 1.0
    scale_input: bool = False
    c_m: float = 250.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="eprop_lif",
        state={"v": (0.0, "mV"), "psi": (0.0, "1/mV"), "z": (0.0, "")},
        receptors={"delta": 0},
        coefficients=_LIF_COEFFICIENTS,
        derive=_spiking,
        stages=(Stage(("v", "z", "psi"), integrate),),
        fires=above,
        reset=Stage(("z",), has_fired),
        receptor_unit="mV",
        helpers=(voltage, after, slope),
        limits={"gamma": "not negative"},
    )

    def __post_init__(self) -> None:
        check_model(self)


@names_checked
@dataclass(frozen=True)
class EPropALIF:
    """`EPropLIF` with a threshold that rises by `beta` at each spike and decays with `tau_a`: the memory of evidence tasks.

    a' = exp(-dt / tau_a) a + z; threshold A = v_th + beta a; psi is centred at A, and a spike subtracts v_th.  NEST:
    `eprop_iaf_adapt_bsshslm_2020` with E_L = 0.

    Parameters
    ----------
    tau_m, v_th, t_ref, gamma, width, scale_input, c_m, i_e
        As in `EPropLIF`.
    beta : float
        Rise of the threshold for each spike (mV).
    tau_a : float
        Time constant of the adaptation (ms).

    Notes
    -----
    State: `v` (mV), `psi` (1/mV), `z`, `a` (spikes).

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.EPropALIF(beta=0.03, tau_a=2000.0).beta
    0.03

    References
    ----------
    Bellec et al. (2020) Nature Communications 11:3625, Methods.
    """

    tau_m: float = 20.0
    v_th: float = 1.0
    t_ref: float = 0.0
    beta: float = 0.1
    tau_a: float = 200.0
    gamma: float = 0.3
    width: float = 1.0
    scale_input: bool = False
    c_m: float = 250.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="eprop_alif",
        state={"v": (0.0, "mV"), "psi": (0.0, "1/mV"), "z": (0.0, ""), "a": (0.0, "spikes")},
        receptors={"delta": 0},
        coefficients=(*_LIF_COEFFICIENTS, "beta", "rho"),
        derive=_adaptive,
        stages=(Stage(("v", "a", "z"), integrate_and_adapt), Stage(("psi",), slope_at_adapted)),
        fires=above_adapted,
        reset=Stage(("z",), has_fired),
        receptor_unit="mV",
        units={"beta": "mV"},
        helpers=(voltage, after, slope),
        limits={"gamma": "not negative"},
    )

    def __post_init__(self) -> None:
        check_model(self)


@names_checked
@dataclass(frozen=True)
class EPropReadout:
    """Leaky readout that never fires: v' = decay v + input, what an e-prop network puts out.  NEST: `eprop_readout_bsshslm_2020`.

    Parameters
    ----------
    tau_m : float
        Time constant (ms).
    scale_input : bool
        Multiply what arrives by 1 - decay; see `EPropLIF`.

    Notes
    -----
    State: `v` (mV), `z` (below 0 the steps in which no spike is heard after a reset).

    References
    ----------
    Bellec et al. (2020) Nature Communications 11:3625, Methods.
    """

    tau_m: float = 20.0
    scale_input: bool = False

    physics: ClassVar[Physics] = Physics(
        name="eprop_readout", state={"v": (0.0, "mV"), "z": (0.0, "")}, receptors={"delta": 0}, coefficients=("decay", "gain"),
        derive=_readout, stages=(Stage(("v", "z"), read),), fires=is_silent, refractory=False, receptor_unit="mV",
        helpers=(after,), takes_current=False, takes_spontaneous=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)
