"""The leaky integrate-and-fire neuron with escape noise: firing is a matter of chance, more likely near threshold."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import names_checked
from neurosim.neurons.lif import LIFExp, _exponential
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics

if TYPE_CHECKING:  # the generated module imports it
    from neurosim.kernels.mathematics import exp


def _escape(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return _exponential(p, dt) | {"hazard": -p["rho_0"] * 1e-3 * dt, "per_delta": 1.0 / p["delta_u"]}


def escapes(v, uniform, v_th, hazard, per_delta):
    return uniform < 1.0 - exp(hazard * exp(min((v - v_th) * per_delta, 60.0)))


@names_checked
@dataclass(frozen=True)
class EscapeLIF:
    """Leaky integrate-and-fire neuron that fires at random with the hazard rho_0 exp((v - v_th) / delta_u).

    The probability of a spike in a step is 1 - exp(-hazard dt), one draw a step decides about spike and reset together
    (Gerstner & Kistler 2002, section 5.3).  Membrane and synapses are those of `LIFExp`.

    Parameters
    ----------
    tau_m, tau_exc, tau_inh : float
        Time constants of membrane and currents (ms).
    c_m : float
        Capacitance (pF).
    e_l, v_th, v_reset : float
        Rest, soft threshold, reset (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    rho_0 : float
        Rate of firing at v = v_th (Hz).
    delta_u : float
        Softness of the threshold (mV).
    """

    tau_m: float = 20.0
    tau_exc: float = 5.0
    tau_inh: float = 10.0
    c_m: float = 250.0
    e_l: float = -65.0
    v_th: float = -50.0
    v_reset: float = -65.0
    t_ref: float = 2.0
    i_e: float = 0.0
    rho_0: float = 100.0
    delta_u: float = 2.0

    physics: ClassVar[Physics] = replace(
        LIFExp.physics,
        name="escape_lif",
        coefficients=tuple(c for c in LIFExp.physics.coefficients) + ("hazard", "per_delta"),
        derive=_escape,
        fires=escapes,
    )

    def __post_init__(self) -> None:
        check_model(self)
