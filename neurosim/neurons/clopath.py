"""The adaptive exponential neuron of Clopath et al. (2010), with the averages of its voltage that voltage-based plasticity reads.

A model knows nothing of populations, wiring or recording.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.neurons.lif import at_threshold
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics, Stage

if TYPE_CHECKING:  # the generated module imports it
    from neurosim.kernels.mathematics import exp


def _clopath(p: dict[str, Array], dt: float) -> dict[str, Array]:
    """Coefficients: decays over a step and half a step, currents in mV, steps of the clamp."""
    clamped = np.round(p["t_clamp"] / dt)
    numbers = {
        name: p[name] for name in ("e_l", "a", "b", "i_sp", "v_t", "v_t_max", "v_th", "v_clamp", "v_reset", "delta_t")
    }
    numbers |= {f"keep_{name}": np.exp(-dt / p[f"tau_{name}"]) for name in ("w", "z", "v_t")}
    for name in ("plus", "minus", "bar"):
        tau = p[f"tau_u_{name}"]
        keep = np.exp(-dt / tau)
        numbers[f"keep_{name}"] = keep
        numbers[f"new_{name}"] = (
            1.0 - (1.0 - keep) * tau / dt
        )  # weight of the voltage at the end, where it is a straight line
    return numbers | {
        "per_g": 1.0 / p["g_l"],
        "rest": p["i_e"] / p["g_l"] + p["e_l"],
        "keep_half": np.exp(-0.5 * dt * p["g_l"] / p["c_m"]),
        "v_spike": np.where(clamped > 0, p["v_clamp"], p["v_reset"]),
        "hold": np.round(p["t_ref"] / dt) + 1.0,
        "wait": np.round(p["t_ref"] / dt) + clamped + (clamped > 0),
    }


def remember_v(v):
    return v


def adapt(v, w, waiting, e_l, a, keep_w, hold):
    goal = a * (v - e_l)
    return w if waiting >= hold else goal + (w - goal) * keep_w


def upswing(v, w, z, v_t_now, current, waiting, rest, per_g, keep_half, delta_t, v_th, v_clamp, v_reset, hold):
    """Exponential midpoint: the upswing is taken at half the step; second order in dt."""
    slope = delta_t * exp((min(v, v_th) - v_t_now) / delta_t)
    goal = rest + (current + z - w) * per_g
    middle = min(goal + slope + (v - goal - slope) * keep_half, v_th)
    goal = goal + delta_t * exp((middle - v_t_now) / delta_t)
    moved = goal + (v - goal) * keep_half * keep_half
    return moved if waiting == 0 else v_clamp if waiting > hold else v_reset


def average(
    v,
    v_old,
    waiting,
    v_th,
    u_bar_plus,
    u_bar_minus,
    u_bar_bar,
    keep_plus,
    keep_minus,
    keep_bar,
    new_plus,
    new_minus,
    new_bar,
):
    """Low-pass of a voltage that is a straight line within the step, or held."""
    end = v_old if waiting > 0 else min(v, v_th)
    plus = u_bar_plus * keep_plus + end * new_plus + v_old * (1.0 - keep_plus - new_plus)
    minus = u_bar_minus * keep_minus + end * new_minus + v_old * (1.0 - keep_minus - new_minus)
    bar = u_bar_bar * keep_bar + minus * new_bar + u_bar_minus * (1.0 - keep_bar - new_bar)
    return plus, minus, bar


def relax(z, v_t_now, keep_z, keep_v_t, v_t):
    return z * keep_z, v_t + (v_t_now - v_t) * keep_v_t


def jump(v, delta, waiting):
    return v if waiting > 0 else v + delta


def spike(w, v_spike, b, i_sp, v_t_max):
    return v_spike, w + b, i_sp, v_t_max


@names_checked
@dataclass(frozen=True)
class AdExClopath:
    """Adaptive exponential neuron with an after-potential, a moving threshold, and averages of its voltage for `ClopathSTDP`.

    A spike that arrives moves v by its weight (mV)::

        c_m dv/dt = g_l (e_l - v) + g_l delta_t exp((v - theta) / delta_t) - w + z + i_e + I
        tau_w dw/dt = a (v - e_l) - w,   tau_z dz/dt = -z,   tau_v_t dtheta/dt = v_t - theta
        tau_u_plus du_bar_plus/dt = v - u_bar_plus,   tau_u_minus du_bar_minus/dt = v - u_bar_minus,
        tau_u_bar du_bar_bar/dt = u_bar_minus - u_bar_bar

    At v >= v_th: v is held at v_clamp for t_clamp (and w stands still), then goes to v_reset and stays there for t_ref;
    w += b, z = i_sp, theta = v_t_max.  (theta is the variable `v_t_now`.)  Exponential midpoint steps, second order in dt.
    NEST: `aeif_psc_delta_clopath`, which integrates adaptively and whose delay_u_bars is `ClopathSTDP.delay_u_bars`.

    Parameters
    ----------
    c_m : float
        Capacitance (pF).
    g_l : float
        Leak conductance (nS).
    e_l, v_t, v_t_max, v_th, v_clamp, v_reset : float
        Rest; threshold of the upswing at rest and just after a spike; peak at which the spike is counted; voltage during the
        clamp and after it (mV).
    delta_t : float
        Sharpness of the upswing (mV).
    a : float
        Subthreshold adaptation (nS).
    b, i_sp : float
        Adaptation per spike, after-potential current (pA).
    tau_w, tau_z, tau_v_t : float
        Time constants of adaptation, after-potential current and threshold (ms).
    tau_u_plus, tau_u_minus, tau_u_bar : float
        Time constants of the averages of the voltage (ms).
    t_clamp, t_ref : float
        How long v is held at v_clamp, and then at v_reset (ms).
    i_e : float
        Constant current (pA).

    Examples
    --------
    >>> AdExClopath(tau_u_plus=5.0).tau_u_minus
    10.0

    References
    ----------
    Clopath, Buesing, Vasilaki & Gerstner (2010) Nat. Neurosci. 13:344.
    """

    c_m: float = 281.0
    g_l: float = 30.0
    e_l: float = -70.6
    v_t: float = -50.4
    v_t_max: float = 30.4
    v_th: float = 33.0
    v_clamp: float = 33.0
    v_reset: float = -60.0
    delta_t: float = 2.0
    a: float = 4.0
    b: float = 80.5
    i_sp: float = 400.0
    tau_w: float = 144.0
    tau_z: float = 40.0
    tau_v_t: float = 50.0
    tau_u_plus: float = 7.0
    tau_u_minus: float = 10.0
    tau_u_bar: float = 500.0
    t_clamp: float = 2.0
    t_ref: float = 0.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="adex_clopath",
        state={
            "v": ("e_l", "mV"), "w": (0.0, "pA"), "z": (0.0, "pA"), "v_t_now": ("v_t", "mV"), "u_bar_plus": ("e_l", "mV"),
            "u_bar_minus": ("e_l", "mV"), "u_bar_bar": ("e_l", "mV"), "v_old": ("e_l", "mV"),
        },
        receptors={"delta": 0},
        coefficients=(
            "e_l", "a", "b", "i_sp", "v_t", "v_t_max", "v_th", "v_clamp", "v_reset", "delta_t", "keep_w", "keep_z",
            "keep_v_t", "keep_plus", "keep_minus", "keep_bar", "new_plus", "new_minus", "new_bar", "per_g", "rest",
            "keep_half", "v_spike", "hold", "wait",
        ),
        derive=_clopath,
        stages=(
            Stage(("v_old",), remember_v),
            Stage(("w",), adapt),
            Stage(("v",), upswing),
            Stage(("u_bar_plus", "u_bar_minus", "u_bar_bar"), average),
            Stage(("z", "v_t_now"), relax),
            Stage(("v",), jump),
        ),
        fires=at_threshold,
        reset=Stage(("v", "w", "z", "v_t_now"), spike),
        receptor_unit="mV",
        units={"a": "nS", "b": "pA", "i_sp": "pA", "t_clamp": "ms"},
        limits={"t_clamp": "not negative"},
        resolved=("tau_w", "tau_z", "tau_v_t", "tau_u_plus", "tau_u_minus", "tau_u_bar"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)
