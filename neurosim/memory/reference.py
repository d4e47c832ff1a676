"""What to compare a memory of spikes and synapses with: attention, Hopfield nets, Willshaw theory, SDM, bits per synapse.

Closed forms and the obvious NumPy versions of textbook models.  They know arrays only: no network, no neuron, no time.
Patterns are rows: of +1 and -1 for the dense models, of the indices of the active units (int64 [patterns, k]) or booleans
(bool [patterns, n]) for the sparse ones.
"""

import math
from dataclasses import dataclass

import numpy as np

from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import ParameterError

HOPFIELD_CAPACITY = 0.138  # patterns per neuron, dense, large n (Amit, Gutfreund & Sompolinsky 1985)
WILLSHAW_LIMIT = math.log(2.0)  # bits per binary synapse, hetero-association, n -> infinity (Willshaw et al. 1969)
SPARSE_LIMIT = 0.5 / math.log(2.0)  # bits per synapse of the covariance rule: sparse_capacity(f) f log2(1/f), f -> 0
CHUNK = 2**24  # booleans that a recall may hold at once


# ------------------------------------------------------------------------------------------------ information


def binary_information(activity: float, false_alarms: float, misses: float) -> float:
    """Information (bits) that a recalled unit gives about a stored one: a binary channel with two kinds of errors.

    T = H(q) - activity H(misses) - (1 - activity) H(false_alarms), q being the probability that a recalled unit is active.

    Parameters
    ----------
    activity : float
        Probability that a stored unit is active, k / n.
    false_alarms : float
        Probability that a unit that should be silent is active in recall.
    misses : float
        Probability that a unit that should be active is silent in recall.

    References
    ----------
    Palm (1980), Biological Cybernetics 36:19; Knoblauch, Palm & Sommer (2010), Neural Computation 22:289.
    """
    f = check_probability("binary_information.activity", activity)
    false_alarms = check_probability("binary_information.false_alarms", false_alarms)
    misses = check_probability("binary_information.misses", misses)
    active = f * (1.0 - misses) + (1.0 - f) * false_alarms
    return _entropy(active) - f * _entropy(misses) - (1.0 - f) * _entropy(false_alarms)


def bits_per_synapse(
    patterns: int, n_in: int, n_out: int, k_out: int, false_alarms: float = 0.0, misses: float = 0.0
) -> float:
    """Stored information per potential synapse, M n_out T / (n_in n_out), T being `binary_information`.

    Divide by the fill to have bits per active synapse.  For hetero-association; an auto-association must first subtract
    what its cue says.

    Parameters
    ----------
    patterns : int
        M, stored pairs.
    n_in, n_out, k_out : int
        Units, and active units of an output pattern.
    false_alarms, misses : float
        Errors per silent and per active unit, as counted (`count_errors`) or from theory (`willshaw_errors`).
    """
    n_in = check_count("bits_per_synapse.n_in", n_in, least=1)
    return patterns * binary_information(k_out / n_out, false_alarms, misses) / n_in


@dataclass(frozen=True)
class RecallErrors:
    """Errors of many recalls.

    Attributes
    ----------
    false_alarms, misses : float
        Per unit that should be silent, and per unit that should be active.
    wrong : float
        Wrong units (both kinds) per active unit of the stored patterns.
    perfect : float
        Fraction of patterns without any error.
    """

    false_alarms: float
    misses: float
    wrong: float
    perfect: float


def count_errors(recalled: np.ndarray, stored: np.ndarray) -> RecallErrors:
    """Compare recalled patterns with the stored ones, both bool [patterns, n]."""
    recalled, stored = np.asarray(recalled, bool), np.asarray(stored, bool)
    if recalled.shape != stored.shape or recalled.ndim != 2:
        raise ParameterError(f"count_errors: needs two arrays [patterns, n], got {recalled.shape} and {stored.shape}")
    active = int(stored.sum())
    false = (recalled & ~stored).sum(axis=1)
    missed = (stored & ~recalled).sum(axis=1)
    return RecallErrors(
        float(false.sum()) / max(stored.size - active, 1),
        float(missed.sum()) / max(active, 1),
        float(false.sum() + missed.sum()) / max(active, 1),
        float(np.mean(false + missed == 0)) if len(stored) else 1.0,
    )


# ------------------------------------------------------------------------------------------------ rejection


@dataclass(frozen=True)
class Rejection:
    """A threshold on familiarity and what it does: `score > threshold` is accepted.

    Attributes
    ----------
    threshold : float
    false_alarms : float
        Fraction of the unknown that it accepts.
    accepted : float
        Fraction of the known that it accepts.
    auroc : float
        Probability that a known cue scores higher than an unknown one.
    """

    threshold: float
    false_alarms: float
    accepted: float
    auroc: float


def rejection(known: np.ndarray, unknown: np.ndarray, false_alarms: float = 0.01) -> Rejection:
    """Calibrate a threshold on the scores of unknown cues and tell how many known ones it lets pass.

    Parameters
    ----------
    known, unknown : ndarray
        Scores (overlap, support) of the best answer to known and to unknown cues.
    false_alarms : float
        Largest fraction of the unknown that may be accepted.
    """
    known, unknown = _scores("rejection.known", known), _scores("rejection.unknown", unknown)
    limit = threshold_at(unknown, false_alarms)
    return Rejection(limit, float(np.mean(unknown > limit)), float(np.mean(known > limit)), auroc(known, unknown))


def threshold_at(unknown: np.ndarray, false_alarms: float = 0.01) -> float:
    """Smallest score of an unknown cue such that at most the fraction `false_alarms` of them lies above it."""
    unknown = np.sort(_scores("threshold_at.unknown", unknown))
    allowed = int(check_probability("threshold_at.false_alarms", false_alarms) * unknown.size + 1e-9)
    return float(unknown[max(unknown.size - 1 - allowed, 0)])


def auroc(known: np.ndarray, unknown: np.ndarray) -> float:
    """Probability that a known cue scores higher than an unknown one, ties counted half; 0.5 is chance."""
    known, unknown = _scores("auroc.known", known), np.sort(_scores("auroc.unknown", unknown))
    below = np.searchsorted(unknown, known, side="left")
    up_to = np.searchsorted(unknown, known, side="right")
    return float(np.mean(0.5 * (below + up_to)) / unknown.size)


def largest_overlap(patterns: int, d: int) -> float:
    """About the largest overlap of an unknown +1/-1 cue of length `d` with `patterns` stored ones, sqrt(2 ln M / d).

    A cue can be told from noise only if its own overlap is larger by a margin.  The leading term of the extreme of M
    Gaussians: at M = 1,000 the mean is about 15 % lower; `overlap_quantile` is exact.
    """
    patterns = check_count("largest_overlap.patterns", patterns, least=1)
    return math.sqrt(2.0 * math.log(patterns) / check_count("largest_overlap.d", d, least=1))


def overlap_quantile(patterns: int, d: int, level: float = 0.99) -> float:
    """Quantile of the largest overlap of an unknown +1/-1 cue with `patterns` independent random ones, exactly.

    Equal bits are Binomial(d, 1/2), and the largest of M has the distribution function F^M.
    """
    from scipy.special import bdtr

    patterns = check_count("overlap_quantile.patterns", patterns, least=1)
    d = check_count("overlap_quantile.d", d, least=1)
    level = check_probability("overlap_quantile.level", level)
    equal = np.arange(d + 1)
    at = int(np.searchsorted(bdtr(equal, d, 0.5) ** patterns, level))
    return float(2.0 * min(at, d) / d - 1.0)


# ------------------------------------------------------------------------------------------------ attention and Hopfield


def attention(
    queries: np.ndarray, keys: np.ndarray, values: np.ndarray, beta: float | None = None, *, k: int | None = None
) -> np.ndarray:
    """Softmax attention: values weighted by softmax(beta q.k), over all keys or the `k` best ones.

    Parameters
    ----------
    queries : ndarray [d] or [cues, d]
    keys : ndarray [memories, d]
    values : ndarray [memories, m]
    beta : float, optional
        Inverse temperature: high, the best memory alone; low, a blend.  Default 1 / sqrt(d).
    k : int, optional
        Only the `k` keys of largest q.k get weight (ties: the earlier one); 1 is plain look-up.

    Returns
    -------
    ndarray [m] or [cues, m]

    References
    ----------
    Vaswani et al. (2017), NeurIPS.

    Examples
    --------
    >>> attention(np.array([1.0, 0.0]), np.eye(2), np.array([[10.0], [20.0]]), k=1)
    array([10.])
    """
    queries, keys = np.asarray(queries, np.float64), np.asarray(keys, np.float64)
    if keys.ndim != 2 or queries.shape[-1:] != keys.shape[1:]:
        raise ParameterError(f"attention.queries: need the length of the keys {keys.shape}, got {queries.shape}")
    gain = 1.0 / math.sqrt(keys.shape[1]) if beta is None else check_positive("attention.beta", beta)
    score = gain * (queries @ keys.T)
    if k is not None:
        k = check_count("attention.k", k, least=1)
        rest = np.argsort(-score, axis=-1, kind="stable")[..., k:]
        np.put_along_axis(score, rest, -np.inf, axis=-1)
    weight = np.exp(score - score.max(axis=-1, keepdims=True))
    return (weight / weight.sum(axis=-1, keepdims=True)) @ np.asarray(values, np.float64)


def modern_hopfield(patterns: np.ndarray, cues: np.ndarray, beta: float, *, steps: int = 1) -> np.ndarray:
    """Modern Hopfield net, xi' = X softmax(beta X^T xi): attention whose keys and values are the patterns.

    Parameters
    ----------
    patterns : ndarray [memories, d]
    cues : ndarray [d] or [cues, d]
    beta : float
        Inverse temperature, for dot products that are not divided by d or sqrt(d).
    steps : int
        Updates; one is enough for patterns that lie apart.

    References
    ----------
    Ramsauer et al. (2020), Hopfield networks is all you need, arXiv:2008.02217.
    """
    state = np.asarray(cues, np.float64)
    for _ in range(check_count("modern_hopfield.steps", steps, least=1)):
        state = attention(state, patterns, patterns, beta)
    return state


def hopfield_weights(patterns: np.ndarray) -> np.ndarray:
    """Hebbian weights of the classic Hopfield net, W = X^T X / d without self-connections, float64 [d, d]."""
    patterns = np.asarray(patterns, np.float64)
    weight = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(weight, 0.0)
    return weight


def hopfield_recall(weight: np.ndarray, cues: np.ndarray, *, steps: int = 20) -> np.ndarray:
    """State of the classic net after at most `steps` parallel updates x' = sign(W x) (0 keeps the state), float64.

    References
    ----------
    Hopfield (1982), PNAS 79:2554.
    """
    state = np.asarray(cues, np.float64)
    for _ in range(check_count("hopfield_recall.steps", steps, least=1)):
        drive = state @ weight
        after = np.where(drive == 0.0, state, np.sign(drive))
        if np.array_equal(after, state):
            break
        state = after
    return state


def sparse_capacity(activity: float) -> float:
    """Patterns per neuron that the covariance rule holds at coding level f, 1 / (2 f |ln f|), in the limit f -> 0.

    Nets of finite size and level hold less.

    References
    ----------
    Tsodyks & Feigel'man (1988), Europhysics Letters 6:101.
    """
    f = check_probability("sparse_capacity.activity", activity)
    if not 0.0 < f < 1.0:
        raise ParameterError(
            f"sparse_capacity.activity: must lie in (0, 1), got {activity!r}; for example activity=0.01"
        )
    return 1.0 / (2.0 * f * abs(math.log(f)))


# ------------------------------------------------------------------------------------------------ Willshaw


def willshaw_fill(patterns: int, n: int, k: int) -> float:
    """Fraction of ones after M pairs of k-of-n patterns, p1 = 1 - (1 - k^2 / n^2)^M."""
    n, k = _code("willshaw_fill", n, k)
    return -math.expm1(check_count("willshaw_fill.patterns", patterns) * math.log1p(-((k / n) ** 2)))


def willshaw_patterns(fill: float, n: int, k: int) -> float:
    """Number of pairs that bring the fraction of ones to `fill`, M = ln(1 - p1) / ln(1 - k^2 / n^2)."""
    n, k = _code("willshaw_patterns", n, k)
    if not 0.0 <= check_probability("willshaw_patterns.fill", fill) < 1.0:
        raise ParameterError(
            "willshaw_patterns.fill: a matrix of ones holds no number of patterns; for example fill=0.4"
        )
    return math.log1p(-fill) / math.log1p(-((k / n) ** 2))


def willshaw_spurious(fill: float, cue: int) -> float:
    """Textbook probability of a wrong one at full threshold, p1^cue: as if all ones were independent.

    `willshaw_errors` is better: units that take part in many patterns have fuller columns, so that real errors are
    more frequent (by half at n = 1024, k = 10, p1 = .4).
    """
    return check_probability("willshaw_spurious.fill", fill) ** check_count("willshaw_spurious.cue", cue, least=1)


def willshaw_errors(
    patterns: int, n: int, k: int, *, right: int | None = None, wrong: int = 0, threshold: int | None = None
) -> tuple[float, float]:
    """Probabilities (false alarm per silent unit, miss per active unit) of one threshold step of a Willshaw net.

    An output unit that takes part in r patterns, r ~ Binomial(M, k/n), has a column filled to 1 - (1 - k/n)^r; a silent
    unit is wrong if Binomial(right + wrong, that) reaches the threshold, and an active one is missed if its `right`
    sure inputs plus Binomial(wrong, that) do not.

    Parameters
    ----------
    patterns : int
        M, stored pairs of k-of-n patterns.
    n, k : int
        Units and active units on both sides.
    right, wrong : int
        Units of the cue that belong to the stored input (default k) and that do not.
    threshold : int, optional
        Active inputs that let a unit fire; default `right`.

    References
    ----------
    Willshaw, Buneman & Longuet-Higgins (1969), Nature 222:960; Buckingham & Willshaw (1992), Network 3:407, for units
    that differ in use.
    """
    from scipy.special import bdtr, bdtrc, gammaln

    n, k = _code("willshaw_errors", n, k)
    m = check_count("willshaw_errors.patterns", patterns)
    right = k if right is None else check_count("willshaw_errors.right", right)
    wrong = check_count("willshaw_errors.wrong", wrong)
    need = right if threshold is None else check_count("willshaw_errors.threshold", threshold)
    r = np.arange(m + 1.0)
    chance = k / n
    share = np.exp(
        gammaln(m + 1.0) - gammaln(r + 1.0) - gammaln(m - r + 1.0) + r * np.log(chance) + (m - r) * np.log1p(-chance)
    )
    column = -np.expm1(r * np.log1p(-chance))
    fires = bdtrc(min(need - 1, right + wrong), right + wrong, column) if need > 0 else np.ones(r.size)
    short = need - right  # an active unit is in one pattern more; one in a hundred columns does not matter
    misses = bdtr(short - 1, wrong, column) if 0 < short <= wrong else np.full(r.size, float(short > wrong))
    return float(np.clip(share @ fires, 0.0, 1.0)), float(np.clip(share @ misses, 0.0, 1.0))


def random_patterns(patterns: int, n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """Active units of random k-of-n patterns, int64 [patterns, k], no unit twice in a pattern."""
    n, k = _code("random_patterns", n, k)
    count = check_count("random_patterns.patterns", patterns)
    return np.argpartition(rng.random((count, n), np.float32), k - 1, axis=1)[:, :k].astype(np.int64)


def as_booleans(active: np.ndarray, n: int) -> np.ndarray:
    """Patterns of active units, int64 [patterns, k], as bool [patterns, n]."""
    active = np.asarray(active, np.int64)
    full = np.zeros((len(active), n), bool)
    np.put_along_axis(full, active, True, axis=1)
    return full


def willshaw_matrix(inputs: np.ndarray, outputs: np.ndarray, n_in: int, n_out: int) -> np.ndarray:
    """Clipped Hebbian matrix W_ij = OR over pairs of x_i y_j, bool [n_in, n_out], from active units [pairs, k]."""
    inputs, outputs = np.asarray(inputs, np.int64), np.asarray(outputs, np.int64)
    if len(inputs) != len(outputs):
        raise ParameterError(f"willshaw_matrix: needs pairs, got {len(inputs)} inputs and {len(outputs)} outputs")
    weight = np.zeros((n_in, n_out), bool)
    weight[inputs[:, :, None], outputs[:, None, :]] = True
    return weight


def willshaw_recall(weight: np.ndarray, cues: np.ndarray, threshold: int | None = None) -> np.ndarray:
    """Units whose input from the active units of each cue reaches the threshold (default: all of the cue).

    Parameters
    ----------
    weight : ndarray of bool [n_in, n_out]
    cues : ndarray of int [cues, active]
    threshold : int, optional

    Returns
    -------
    ndarray of bool [cues, n_out]
    """
    cues = np.asarray(cues, np.int64)
    need = cues.shape[1] if threshold is None else check_count("willshaw_recall.threshold", threshold)
    recalled = np.empty((len(cues), weight.shape[1]), bool)
    rows = max(1, CHUNK // max(cues.shape[1] * weight.shape[1], 1))
    for start in range(0, len(cues), rows):
        part = weight[cues[start : start + rows]]
        recalled[start : start + rows] = part.sum(axis=1) >= need
    return recalled


# ------------------------------------------------------------------------------------------------ SDM


class SparseDistributedMemory:
    """Kanerva's memory: a word is added to the counters of all hard locations within `radius` of its address.

    Reading sums the counters within `radius` of the cue and takes the sign.  A pattern so gets a weight proportional to
    the overlap of two circles (`circle_intersection`), which falls about exponentially with distance, as in attention.

    Parameters
    ----------
    locations : ndarray of 0 and 1 [locations, n]
        Addresses of the hard locations, fixed.
    radius : int
        Hamming distance.

    References
    ----------
    Kanerva (1988), Sparse Distributed Memory; Bricken & Pehlevan (2021), arXiv:2111.05498.
    """

    def __init__(self, locations: np.ndarray, radius: int) -> None:
        self.radius = check_count("SparseDistributedMemory.radius", radius)
        self.locations = np.asarray(locations, bool)
        if self.locations.ndim != 2:
            raise ParameterError(
                f"SparseDistributedMemory.locations: needs an array [locations, n], got shape {self.locations.shape}"
            )
        self.counters = np.zeros(self.locations.shape)

    def near(self, address: np.ndarray) -> np.ndarray:
        """Which locations lie within the radius of each address, bool [addresses, locations]."""
        address = np.atleast_2d(np.asarray(address, bool)).astype(np.float64)
        place = self.locations.astype(np.float64)
        distance = address.sum(1)[:, None] + place.sum(1) - 2.0 * address @ place.T
        return distance <= self.radius

    def write(self, address: np.ndarray, word: np.ndarray) -> None:
        """Add words (0 and 1, [words, n]) at addresses [words, n]."""
        signs = 2.0 * np.atleast_2d(np.asarray(word, bool)) - 1.0
        self.counters += self.near(address).T.astype(np.float64) @ signs

    def read(self, address: np.ndarray) -> np.ndarray:
        """Words read at addresses, bool [addresses, n]; a sum of 0 (nothing near) reads as 0."""
        return self.near(address).astype(np.float64) @ self.counters > 0.0


def circle_intersection(n: int, radius: int, distance: int) -> int:
    """Number of n-bit addresses within `radius` of both of two addresses that differ in `distance` bits, exactly.

    A point that differs from the first address in a of the `distance` bits and in c of the others lies at a + c from it
    and at distance - a + c from the second.
    """
    n = check_count("circle_intersection.n", n, least=1)
    radius = check_count("circle_intersection.radius", radius)
    distance = check_count("circle_intersection.distance", distance)
    if distance > n:
        raise ParameterError(
            f"circle_intersection.distance: two addresses of {n} bits differ in at most {n}, got {distance}"
        )
    return sum(
        math.comb(distance, a) * math.comb(n - distance, c)
        for a in range(distance + 1)
        for c in range(min(radius - max(a, distance - a), n - distance) + 1)
    )


def sdm_beta(n: int, radius: int) -> tuple[float, float]:
    """(beta, R2) of the softmax over cosines that matches the circles of SDM: ln intersection = beta (1 - 2 v / n) + c.

    A straight line through ln `circle_intersection` at distances v = 0..radius; R2 tells how exponential the fall is.
    """
    radius = check_count("sdm_beta.radius", radius, least=2)
    v = np.arange(radius + 1)
    logs = np.array([math.log(circle_intersection(n, radius, int(x))) for x in v])
    cosine = 1.0 - 2.0 * v / n
    slope, offset = np.polyfit(cosine, logs, 1)
    rest = np.sum((logs - slope * cosine - offset) ** 2)
    return float(slope), float(1.0 - rest / np.sum((logs - logs.mean()) ** 2))


# ------------------------------------------------------------------------------------------------ checks


def _entropy(p: float) -> float:
    """Entropy of a binary choice, bits."""
    return 0.0 if p <= 0.0 or p >= 1.0 else -(p * math.log(p) + (1.0 - p) * math.log1p(-p)) / math.log(2.0)


def _scores(name: str, score: np.ndarray) -> np.ndarray:
    """Scores as float64 [cues], at least one, none nan."""
    values = np.asarray(score, np.float64).ravel()
    if values.size == 0 or np.isnan(values).any():
        raise ParameterError(f"{name}: needs at least one score and no nan, got {values.size} scores")
    return values


def _code(name: str, n: int, k: int) -> tuple[int, int]:
    """Units and active units, 0 < k < n."""
    n, k = check_count(f"{name}.n", n, least=2), check_count(f"{name}.k", k, least=1)
    if k >= n:
        raise ParameterError(
            f"{name}.k: fewer active units than units, got k={k} of n={n}; for example k={max(1, n // 100)}"
        )
    return n, k
