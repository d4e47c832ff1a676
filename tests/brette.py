"""The three networks of Brette et al. (2007) as numbers and equations: who is connected, from which state, to what.

Knows NumPy only: the script that runs them in Brian2 and the tests that run them in neurosim build both from here.

4,000 neurons, 3,200 of them excitatory; each pair, autapses included, is connected with probability 0.02.  Parameters are
those of Brian2's documented examples CUBA (benchmark 2) and COBAHH (benchmark 3); COBA (benchmark 1) has the conductances
and the start of COBAHH with integrate-and-fire neurons.  Two differences: each delay is one step, not 0, and conductances at
the start are cut off at 0.  Units: ms, mV, pA, nS, pF.
"""

import hashlib

import numpy as np

DT = 0.1
N, N_EXC = 4_000, 3_200
P = 0.02
MEMBRANE = {"c_m": 200.0, "e_l": -60.0, "tau_exc": 5.0, "tau_inh": 10.0}
OPEN = {"g_l": 10.0, "e_exc": 0.0, "e_inh": -80.0}
SPIKE = {"v_th": -50.0, "v_reset": -60.0, "t_ref": 5.0}
#: Parameters in neurosim's words.
PARAMETERS = {
    "cuba": MEMBRANE | SPIKE | {"e_l": -49.0, "tau_m": 20.0},
    "coba": MEMBRANE | SPIKE | OPEN,
    "hh": MEMBRANE | OPEN | {"g_na": 2e4, "e_na": 50.0, "g_k": 6e3, "e_k": -90.0, "v_t": -63.0, "v_th": -20.0, "t_ref": 3.0},
}  # fmt: skip
#: Of excitatory and of inhibitory synapses: pA (1.62 and -9 mV over a leak of 10 nS), and nS.
WEIGHTS = {"cuba": (16.2, -90.0), "coba": (6.0, -67.0), "hh": (6.0, -67.0)}

DECAYS = "\ndge/dt = -ge/(5*ms) : {unit}\ndgi/dt = -gi/(10*ms) : {unit}"
SYNAPSES = "{exc}ge*(0*mV - v) + {inh}gi*(-80*mV - v)"
COBA = f"dv/dt = (10*nS*(-60*mV - v) + {SYNAPSES})/(200*pF) : volt (unless refractory)" + DECAYS
HH = (
    "dv/dt = (10*nS*(-60*mV - v) + 20000*nS*m*m*m*h*(50*mV - v) + 6000*nS*n*n*n*n*(-90*mV - v)"
    f" + {SYNAPSES})/(200*pF) : volt"
    "\nu = v + 63*mV : volt"
    "\ndm/dt = (1.28/exprel((13*mV - u)/(4*mV))*(1 - m) - 1.4/exprel((u - 40*mV)/(5*mV))*m)/ms : 1"
    "\ndn/dt = (0.16/exprel((15*mV - u)/(5*mV))*(1 - n) - 0.5*exp((10*mV - u)/(40*mV))*n)/ms : 1"
    "\ndh/dt = (0.128*exp((17*mV - u)/(18*mV))*(1 - h) - 4/(1 + exp((40*mV - u)/(5*mV)))*h)/ms : 1"
) + DECAYS
#: The same in Brian2's words; `coba_mean` takes each conductance at its mean over the step, as neurosim's LIFCond does.
EQUATIONS = {
    "cuba": "dv/dt = (-49*mV - v + ge + gi)/(20*ms) : volt (unless refractory)" + DECAYS.format(unit="volt"),
    "coba": COBA.format(unit="siemens", exc="", inh=""),
    "coba_mean": COBA.format(
        unit="siemens",
        **{name: f"{float(-np.expm1(-DT / tau) * tau / DT)!r}*" for name, tau in (("exc", 5.0), ("inh", 10.0))},
    ),
    "hh": HH.format(unit="siemens", exc="", inh=""),
}


def edges(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(pre, post), int64, ordered by both."""
    rng = np.random.default_rng(seed)
    post = [np.flatnonzero(rng.random(N) < P) for _ in range(N)]
    return np.repeat(np.arange(N), [row.size for row in post]), np.concatenate(post)


def start(kind: str, seed: int) -> dict[str, np.ndarray]:
    """State of the neurons at the start [4000]; what is not named is 0."""
    rng = np.random.default_rng([seed, 1])
    if kind == "cuba":
        return {"v": -60.0 + 10.0 * rng.random(N)}
    v, exc, inh = rng.standard_normal((3, N))
    return {
        "v": -65.0 + 5.0 * v,
        "g_exc": np.maximum(10.0 * (4.0 + 1.5 * exc), 0.0),
        "g_inh": np.maximum(10.0 * (20.0 + 12.0 * inh), 0.0),
    }


def mark(*columns: np.ndarray) -> str:
    """One name for all these whole numbers."""
    return hashlib.sha256(np.stack(columns).astype("<i8").tobytes()).hexdigest()


def rate_and_cv(step: np.ndarray, neuron: np.ndarray, time: float) -> tuple[float, float]:
    """Mean rate (Hz) over `time` (ms), and the CV of the intervals of a neuron, mean over those with three spikes or more."""
    order = np.lexsort((step, neuron))
    step, neuron = step[order].astype(np.float64), neuron[order]
    same = neuron[1:] == neuron[:-1]
    interval, owner = np.diff(step)[same], neuron[1:][same]
    n = np.bincount(owner, minlength=N)
    many = n >= 2
    mean, square = (np.bincount(owner, x, N)[many] / n[many] for x in (interval, interval**2))
    return step.size / N / time * 1e3, float(np.mean(np.sqrt(np.maximum(square - mean**2, 0.0)) / mean))
