"""Memory in a chain of ever slower variables behind each weight: the description, and the functions written for its length.

A rule knows nothing of populations, wiring or pools.  kernels/events.py takes the source of the functions, which is
written here, once for every (m, n), with the modes of the chain as numbers in the text.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.kernels.plain import SourceFunction
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees

LONGEST = 16


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class BennaFusi:
    """Pair STDP on the first of m coupled variables, of which each is slower than the one before: memories fade as 1/sqrt(t).

    u_1 = w - w_rest is what spikes change, as in additive `PairSTDP`; behind it lies a chain of hidden variables (level of
    liquid in beakers joined by ever thinner tubes)::

        C_k du_k/dt = g_{k-1} (u_{k-1} - u_k) - g_k (u_k - u_{k+1}),   C_k = n**(2k - 2),  g_k = g n**(-2k + 1),
        g_0 = 0,  u_{m+1} = 0

    solved exactly between events.  What a pattern of changes leaves behind decays as t**-0.5 from about tau to
    tau * n**(4 m - 4), and exponentially after.  w is clipped to [w_min, w_max] after each change of u_1 and when it is
    looked at.  Hidden variables are `projection.variable("u2")` and so on, and begin at 0.  Slow variables move by less
    than a float32 resolves: use dtype="float64" (the default) with more than four of them.

    Parameters
    ----------
    a_plus, a_minus : float
        Size of potentiation and of depression (units of the weight, not negative).
    tau_plus, tau_minus : float
        Time constants of the traces of pre- and postsynaptic spikes (ms).
    m : int
        Number of variables, 2 to 16; 8 to 12 in the paper.
    n : float
        Ratio of the chain, above 1; 2 in the paper.
    tau : float
        C_1 / g_1, time constant at which the first variable flows into the second (ms).
    w_rest : float
        Weight of an empty chain.
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> BennaFusi(m=3).mechanism.variables[-1][0]
    'u3'

    References
    ----------
    Benna & Fusi (2016) Nat. Neurosci. 19:1697.
    """

    a_plus: float = 0.01
    a_minus: float = 0.01
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    m: int = 8
    n: float = 2.0
    tau: float = 1000.0
    w_rest: float = 0.5
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in ("a_plus", "a_minus"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus", "tau"):
            settle(self, name, check_positive, "ms")
        settle(self, "m", check_count, least=2)
        settle(self, "n", check_number)
        settle(self, "w_rest", check_number)
        check_bounds(self)
        check_sees(self)
        if self.m > LONGEST:
            raise ParameterError(f"BennaFusi.m: at most {LONGEST} variables, got {self.m}; the paper has 8 to 12")
        if self.n <= 1.0:
            raise ParameterError(f"BennaFusi.n: must be above 1, got {self.n:g}; for example n=2.0")
        if not self.w_min <= self.w_rest <= self.w_max:
            raise ParameterError(
                f"BennaFusi.w_rest: must lie between w_min = {self.w_min:g} and w_max = {self.w_max:g}, got {self.w_rest:g}"
            )

    @property
    def rate(self) -> float:
        """g_1 / C_1 (1/ms)."""
        return 1.0 / self.tau

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _mechanism(self.m, self.n)

    def matrix(self) -> np.ndarray:
        """A of du/dt = A u, in 1/ms: float64[m, m]."""
        capacity, tubes = _chain(self.m, self.n)
        tubes = tubes * self.rate
        flow = np.diag(tubes) + np.diag(np.concatenate([[0.0], tubes[:-1]]))
        flow -= np.diag(tubes[:-1], 1) + np.diag(tubes[:-1], -1)
        return -flow / capacity[:, None]


def _chain(m: int, n: float) -> tuple[np.ndarray, np.ndarray]:
    """Capacities C_k, and tubes g_k in units of g_1: float64[m] each."""
    k = np.arange(m)
    return n ** (2.0 * k), n ** (-2.0 * k)


@functools.cache
def _modes(m: int, n: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates of the modes (g_1 / C_1 = 1), and the matrices into modes and out of them: u(t) = out @ (exp(-rates t) * (into @ u)).

    The rates span n**(4 m), so each must be found to its own accuracy: one-sided Jacobi rotations of the factor B of
    C**-0.5 (flow) C**-0.5 = B^T B, a bidiagonal matrix with columns of very different size (Demmel & Veselic 1992).
    """
    capacity, tubes = _chain(m, n)
    factor = np.diag(np.sqrt(tubes / capacity)) - np.diag(np.sqrt(tubes[:-1] / capacity[1:]), 1)
    turned = np.eye(m)
    for _ in range(60):
        largest = 0.0
        for p in range(m - 1):
            for q in range(p + 1, m):
                a, b = factor[:, p] @ factor[:, p], factor[:, q] @ factor[:, q]
                both = factor[:, p] @ factor[:, q]
                largest = max(largest, abs(both) / math.sqrt(a * b))
                if both == 0.0:
                    continue
                zeta = (b - a) / (2.0 * both)
                tangent = math.copysign(1.0, zeta) / (abs(zeta) + math.hypot(1.0, zeta))
                cosine = 1.0 / math.hypot(1.0, tangent)
                rotation = cosine * np.array([[1.0, tangent], [-tangent, 1.0]])
                factor[:, [p, q]] = factor[:, [p, q]] @ rotation
                turned[:, [p, q]] = turned[:, [p, q]] @ rotation
        if largest < 1e-15:
            break
    rates = np.einsum("ij,ij->j", factor, factor)
    order = np.argsort(-rates)
    out = turned[:, order] / np.sqrt(capacity)[:, None]
    into = (turned[:, order] * np.sqrt(capacity)[:, None]).T
    return rates[order], into, out


@functools.cache
def _mechanism(m: int, n: float) -> Mechanism:
    """Functions and variables of a chain."""
    hidden = [f"u{k}" for k in range(2, m + 1)]
    rates, into, out = _modes(m, n)
    names = ["(w - w_rest)", *hidden]
    lines = [
        f"a{j} = exp({-float(rates[j])!r} * rate * elapsed) * ({' + '.join(f'{float(into[j, k])!r} * {names[k]}' for k in range(m))})"
        for j in range(m)
    ]
    sums = [" + ".join(f"{float(out[k, j])!r} * a{j}" for j in range(m)) for k in range(m)]
    lines.append(f"return w_rest + {', '.join(sums)}")
    kept = ", ".join(hidden)
    return Mechanism(
        f"benna_fusi_{m}",
        traces=(("x", Trace("pre", "tau_plus")), ("y", Trace("post", "tau_minus"))),
        variables=tuple((name, Variable(0.0)) for name in hidden),
        parameters=("a_plus", "a_minus", "rate", "w_rest"),
        on_pre=_written("chain_pre", ("w", *hidden, "y", "a_minus"), [f"return w - a_minus * y, {kept}"]),
        on_post=_written("chain_post", ("w", *hidden, "x", "a_plus"), [f"return w + a_plus * x, {kept}"]),
        between=_written("chain_between", ("w", *hidden, "elapsed", "rate", "w_rest"), lines),
    )


def _written(name: str, arguments: tuple[str, ...], lines: list[str]) -> SourceFunction:
    """A function of these lines."""
    text = f"def {name}({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in lines)
    return SourceFunction(name, text, arguments)
