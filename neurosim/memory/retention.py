"""Curves of retention: which law do measured recalls follow as memories age?  Power, exponential, Ebbinghaus, Wickelgren.

Closed forms and fits in plain NumPy (SciPy is imported inside the fit).  It knows ages and fractions recalled: no
network, no engram, no policy of strength.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from neurosim.checks import check_positive
from neurosim.errors import ParameterError

MINUTE = 60_000.0  # ms
EDGE = 1e-9  # a probability of exactly 0 or 1 would make one miss infinitely unlikely

#: Ebbinghaus's own savings (1885): age in ms (20 and 64 min, 8.8 h, 1, 2, 6, 31 days) and the fraction of work saved.
EBBINGHAUS_AGE = np.array([20.0, 64.0, 528.0, 1440.0, 2880.0, 8640.0, 44640.0]) * MINUTE
EBBINGHAUS_SAVINGS = np.array([0.582, 0.442, 0.358, 0.337, 0.278, 0.254, 0.211])

Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (parameters, age in units) -> fraction


@dataclass(frozen=True)
class RetentionFit:
    """One law fitted to a curve of retention.

    Attributes
    ----------
    name : str
    formula : str
        With Q the fraction retained and t the age in units of `unit`.
    parameters : dict of str to float
    r2 : float
        1 - residual / total sum of squares, points weighted by their number of trials; nan if all points are equal.
    aic : float
        Akaike's information criterion; only differences between fits to the same points mean anything.
    unit : float
        ms in one unit of t.
    """

    name: str
    formula: str
    parameters: dict[str, float]
    r2: float
    aic: float
    unit: float
    _curve: Curve = field(repr=False, compare=False)

    def __call__(self, age: np.ndarray) -> np.ndarray:
        """Fraction retained at `age` (ms)."""
        t = np.asarray(age, np.float64) / self.unit
        return self._curve(np.array(list(self.parameters.values())), t)


@dataclass(frozen=True)
class Retention:
    """The four fits to one curve, and which is the better.

    `delta_aic` is AIC(exponential) - AIC(power): above 10, a single time constant is out of the question.
    """

    power: RetentionFit
    exponential: RetentionFit
    ebbinghaus: RetentionFit
    wickelgren: RetentionFit

    @property
    def fits(self) -> tuple[RetentionFit, ...]:
        return (self.power, self.exponential, self.ebbinghaus, self.wickelgren)

    @property
    def best(self) -> RetentionFit:
        """The fit with the smallest AIC."""
        return min(self.fits, key=lambda fit: fit.aic)

    @property
    def delta_aic(self) -> float:
        return self.exponential.aic - self.power.aic

    def __str__(self) -> str:
        lines = [f"{'law':<12}{'R2':>7}{'AIC':>9}  parameters"]
        for fit in self.fits:
            values = ", ".join(f"{name} {value:.4g}" for name, value in fit.parameters.items())
            lines.append(f"{fit.name:<12}{fit.r2:>7.3f}{fit.aic:>9.1f}  {fit.formula}: {values}")
        return "\n".join(lines)


def power_law(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Q = a t^-b, at most 1."""
    return np.minimum(parameters[0] * t ** -parameters[1], 1.0)


def exponential(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Q = a exp(-t / tau)."""
    return parameters[0] * np.exp(-t / parameters[1])


def ebbinghaus(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Q = k / ((log10(1 + t))^c + k): Ebbinghaus counted minutes from one minute before the end of learning."""
    return parameters[0] / (np.log10(1.0 + t) ** parameters[1] + parameters[0])


def wickelgren(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Q = m (1 + h t)^-f."""
    return parameters[0] * (1.0 + parameters[1] * t) ** -parameters[2]


def fit_retention(
    age: np.ndarray, p: np.ndarray, n: np.ndarray | float | None = None, *, unit: float = MINUTE
) -> Retention:
    """Fit four laws of forgetting to the fraction recalled at each age.

    Without `n`, least squares, and AIC = N ln(SSD / N) + 2 K with K counting the variance.  With `n`, maximum
    likelihood of n p successes in n trials, and AIC = -2 ln L + 2 K (binomial coefficients left out).

    Parameters
    ----------
    age : ndarray [points]
        ms since learning, above 0, at least five different ones.
    p : ndarray [points]
        Fraction recalled (or savings), in [0, 1].
    n : ndarray [points] or float, optional
        Trials behind each fraction.
    unit : float
        ms in one unit of t in the formulas.  Ebbinghaus's law is about minutes; set it to what stands for one.

    Returns
    -------
    Retention
        `.power`, `.exponential`, `.ebbinghaus`, `.wickelgren`, each with `.parameters`, `.r2`, `.aic` and callable;
        `.best`, `.delta_aic`; `print` shows a table.

    Examples
    --------
    >>> curve = fit_retention(EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS)
    >>> round(curve.power.r2, 2), round(curve.exponential.r2, 2), curve.delta_aic > 10
    (0.97, 0.4, True)

    References
    ----------
    Ebbinghaus (1885), Memory, chapter 7; Wickelgren (1974), Memory & Cognition 2:775;
    Murre & Dros (2015), PLoS ONE 10:e0120644.
    """
    scale = check_positive("fit_retention.unit", unit, "ms")
    t, p, trials = _points(age, p, n, scale)
    made = {name: _fit(name, t, p, trials, scale) for name in LAWS}
    return Retention(**made)


def mean_by_age(values: np.ndarray, age: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Mean of the values at ages from each bound to below the next, float64 [bounds - 1]; nan where there are none.

    Examples
    --------
    >>> mean_by_age(np.array([1.0, 0.5, 0.25]), age=np.array([0, 1, 2]), bounds=np.array([0, 1, 3]))
    array([1.   , 0.375])
    """
    groups = [values[(age >= low) & (age < high)] for low, high in zip(bounds, bounds[1:], strict=False)]
    return np.array([group.mean() if group.size else np.nan for group in groups])


@dataclass(frozen=True)
class _Law:
    """A formula, its curve, the names of its parameters, and where each may start (grid) given the ages."""

    formula: str
    curve: Curve
    names: tuple[str, ...]
    most: tuple[float, ...]  # of each parameter; what is retained at age 0 is at most all
    starts: Callable[[np.ndarray], list[tuple[float, ...]]]


def _spread(t: np.ndarray, points: int) -> np.ndarray:
    """Times from well below the first age to well above the last, evenly in their logarithm."""
    return np.geomspace(t.min() / 10.0, t.max() * 10.0, points)


LAWS = {
    "power": _Law(
        "Q = a t^-b",
        power_law,
        ("a", "b"),
        (np.inf, np.inf),
        lambda t: [(0.5 * t.min() ** b, b) for b in (0.03, 0.1, 0.3, 0.9)],
    ),
    "exponential": _Law(
        "Q = a exp(-t / tau)",
        exponential,
        ("a", "tau"),
        (1.0, np.inf),
        lambda t: [(a, tau) for a in (0.3, 0.9) for tau in _spread(t, 12)],
    ),
    "ebbinghaus": _Law(
        "Q = k / (log10(1 + t)^c + k)",
        ebbinghaus,
        ("k", "c"),
        (np.inf, np.inf),
        lambda t: [(k, c) for k in (0.2, 2.0, 20.0) for c in (0.5, 1.25, 3.0)],
    ),
    "wickelgren": _Law(
        "Q = m (1 + h t)^-f",
        wickelgren,
        ("m", "h", "f"),
        (1.0, np.inf, np.inf),
        lambda t: [(m, 1.0 / tau, f) for m in (0.5, 0.95) for tau in _spread(t, 6) for f in (0.1, 0.5, 2.0)],
    ),
}


def _fit(name: str, t: np.ndarray, p: np.ndarray, trials: np.ndarray | None, unit: float) -> RetentionFit:
    """Best parameters of one law: all are positive, so their logarithms are free; the best few starts are refined."""
    from scipy.optimize import minimize

    law = LAWS[name]

    def parameters(logs: np.ndarray) -> np.ndarray:
        # The bounds keep exp and powers finite where the search wanders; no curve of interest is near them.
        return np.minimum(np.exp(np.clip(logs, -50.0, 50.0)), law.most)

    def badness(logs: np.ndarray) -> float:
        q = law.curve(parameters(logs), t)
        return float(np.sum((p - q) ** 2)) if trials is None else -_likelihood(q, p, trials)

    starts = sorted((np.log(np.array(start)) for start in law.starts(t)), key=badness)[:3]
    options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000, "maxfev": 4000}
    found = min((minimize(badness, s, method="Nelder-Mead", options=options) for s in starts), key=lambda r: r.fun)
    best = parameters(found.x)
    q = law.curve(best, t)
    weight = np.ones(t.size) if trials is None else trials
    return RetentionFit(
        name,
        law.formula,
        dict(zip(law.names, map(float, best), strict=True)),
        _r2(p, q, weight),
        _aic(p, q, trials, len(law.names)),
        unit,
        law.curve,
    )


def _likelihood(q: np.ndarray, p: np.ndarray, trials: np.ndarray) -> float:
    """Log-likelihood of the fractions `p` under the probabilities `q`, binomial coefficients left out."""
    q = np.clip(q, EDGE, 1.0 - EDGE)
    return float(np.sum(trials * (p * np.log(q) + (1.0 - p) * np.log1p(-q))))


def _r2(p: np.ndarray, q: np.ndarray, weight: np.ndarray) -> float:
    total = np.sum(weight * (p - np.average(p, weights=weight)) ** 2)
    return float(1.0 - np.sum(weight * (p - q) ** 2) / total) if total > 0 else float("nan")


def _aic(p: np.ndarray, q: np.ndarray, trials: np.ndarray | None, parameters: int) -> float:
    if trials is not None:
        return -2.0 * _likelihood(q, p, trials) + 2.0 * parameters
    rest = max(float(np.mean((p - q) ** 2)), 1e-15)  # a perfect fit would be infinitely better than any other
    return float(p.size * np.log(rest) + 2.0 * (parameters + 1))


def _points(
    age: np.ndarray, p: np.ndarray, n: np.ndarray | float | None, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Ages in units, fractions and trials, checked."""
    age, p = np.asarray(age, np.float64), np.asarray(p, np.float64)
    if age.ndim != 1 or age.shape != p.shape:
        raise ParameterError(f"fit_retention: age and p must be of one length, got shapes {age.shape} and {p.shape}")
    if not (np.isfinite(age) & (age > 0)).all():
        raise ParameterError(
            "fit_retention.age: must be finite and above 0 (ms); leave the test at age 0 out: p[age > 0]"
        )
    if np.unique(age).size < 5:
        raise ParameterError(
            f"fit_retention.age: needs at least 5 different ages for laws of 3 parameters, got {np.unique(age).size}"
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise ParameterError(f"fit_retention.p: fractions must lie in [0, 1], got {p.min():g} to {p.max():g}")
    if n is None:
        return age / unit, p, None
    trials = np.broadcast_to(np.asarray(n, np.float64), p.shape)
    if not (np.isfinite(trials) & (trials > 0)).all():
        raise ParameterError(f"fit_retention.n: must be positive, the number of trials at each age, got {n!r}")
    return age / unit, p, trials
