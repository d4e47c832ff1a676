"""Sparse block codes: symbols as one active unit in each of many blocks, their algebra, and the vocabulary of names.

Closed forms and plain NumPy: knows no network.  `neurosim.memory.symbols` carries the same codes in spikes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_probability, did_you_mean
from neurosim.errors import ParameterError


@dataclass(frozen=True, eq=False)
class BlockCode:
    """A symbol, or what `*` (bind), `/` (unbind), `+` (bundle) and `~` (inverse) make of symbols: a count for each unit.

    Binding shifts the active unit of each block by that of the partner, modulo the size of a block; this makes codes a
    commutative ring, so that ``(a * role + b * other) / role`` is ``a`` plus noise, and ``a * role / role`` is ``a``.

    Parameters
    ----------
    counts : array of int [blocks, size]
        How many members of the bundle have this unit active; a symbol has a single 1 in each block.

    Examples
    --------
    >>> from neurosim.memory.block_codes import Vocabulary
    >>> v = Vocabulary(seed=1)
    >>> v.add("Ada", "works at", "the mill", "subject", "relation", "object")
    >>> fact = v["Ada"] * v["subject"] + v["works at"] * v["relation"] + v["the mill"] * v["object"]
    >>> v.clean_up(fact / v["object"]).name
    'the mill'

    References
    ----------
    Frady, Kleyko & Sommer (2023), IEEE TNNLS 34, 2191: sparse block-codes bound by circular convolution in each block.
    """

    counts: np.ndarray

    def __post_init__(self) -> None:
        counts = np.array(self.counts)
        if counts.ndim != 2 or 0 in counts.shape or not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
            raise ParameterError(
                f"BlockCode.counts: needs whole numbers from 0 on, of shape (blocks, size), got an array of shape {counts.shape} "
                f"and dtype {counts.dtype}; one unit in each block is BlockCode.from_phases([3, 0, 7], size=16)"
            )
        counts = counts.astype(np.int64)
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)

    @classmethod
    def from_phases(cls, phases: ArrayLike, size: int) -> BlockCode:
        """The code with one active unit in each block, given by its place 0 ... size - 1 in the block; -1 is a silent block."""
        size = check_count("BlockCode.from_phases(size)", size, least=1)
        phase = np.atleast_1d(np.asarray(phases))
        if phase.ndim != 1 or not np.issubdtype(phase.dtype, np.integer) or (phase < -1).any() or (phase >= size).any():
            raise ParameterError(
                f"BlockCode.from_phases(phases): needs one whole number 0 ... {size - 1} for each block (-1: silent), got {phases!r}"
            )
        return cls((phase[:, None] == np.arange(size)).astype(np.int64))

    @classmethod
    def from_units(cls, units: ArrayLike, blocks: int, size: int) -> BlockCode:
        """The code with these units active, given by number (block * size + place) and once for each time."""
        unit = np.atleast_1d(np.asarray(units))
        if unit.size and (not np.issubdtype(unit.dtype, np.integer) or unit.min() < 0 or unit.max() >= blocks * size):
            raise ParameterError(
                f"BlockCode.from_units(units): needs whole numbers 0 ... {blocks * size - 1}, got {units!r}"
            )
        return cls(np.bincount(unit.astype(np.int64), minlength=blocks * size).reshape(blocks, size))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self.counts.shape[0])

    @property
    def size(self) -> int:
        """Units in a block."""
        return int(self.counts.shape[1])

    @property
    def units(self) -> np.ndarray:
        """Numbers of the active units, ascending, each once; int64."""
        return np.flatnonzero(self.counts)

    @property
    def phases(self) -> np.ndarray:
        """Place of the one active unit in each block, -1 in a silent block; int64 [blocks].  Refused for bundles."""
        if (self.counts.sum(axis=1) > 1).any():
            raise ParameterError(
                "BlockCode.phases: some block has several active units; take code.winners().phases, or code.units"
            )
        return np.where(self.counts.any(axis=1), self.counts.argmax(axis=1), -1)

    def similarity(self, other: BlockCode) -> int:
        """Sum of the products of the counts: for two symbols, the number of blocks in which they coincide."""
        return int((self.counts * self._like(other, "similarity").counts).sum())

    def union(self) -> BlockCode:
        """Every active unit once: what is left of a bundle when a unit can fire only once."""
        return BlockCode((self.counts > 0).astype(np.int64))

    def winners(self) -> BlockCode:
        """One unit in each block, that of the highest count.

        A tie is decided by a hash of all counts, the place and the block: the same bundle always gives the same code, in
        whatever order it was summed, and no unit is favoured.  Silent blocks stay silent.
        """
        digest = hashlib.shake_256(self.counts.astype("<i8").tobytes()).digest(8 * self.counts.size)
        chance = np.frombuffer(digest, "<u8").reshape(self.counts.shape) >> np.uint64(11)
        best = (self.counts + chance * 2.0**-53).argmax(axis=1)
        return BlockCode.from_phases(np.where(self.counts.any(axis=1), best, -1), self.size)

    def __mul__(self, other: BlockCode) -> BlockCode:
        if not isinstance(other, BlockCode):
            return NotImplemented
        place = np.arange(self.size)
        shifted = self._like(other, "*").counts[
            :, (place[:, None] - place) % self.size
        ]  # [block, p, q]: other at p - q
        return BlockCode(np.einsum("bpq,bq->bp", shifted, self.counts))

    def __truediv__(self, other: BlockCode) -> BlockCode:
        return self * ~other if isinstance(other, BlockCode) else NotImplemented

    def __add__(self, other: BlockCode) -> BlockCode:
        if not isinstance(other, BlockCode):
            return NotImplemented
        return BlockCode(self.counts + self._like(other, "+").counts)

    def __invert__(self) -> BlockCode:
        return BlockCode(self.counts[:, -np.arange(self.size) % self.size])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlockCode) and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.counts.shape, self.counts.tobytes()))

    def __repr__(self) -> str:
        return f"BlockCode({self.blocks} blocks of {self.size}, {self.units.size} units active)"

    def _like(self, other: BlockCode, what: str) -> BlockCode:
        if other.counts.shape != self.counts.shape:
            raise ParameterError(
                f"BlockCode {what}: {self.blocks} blocks of {self.size} and {other.blocks} blocks of {other.size} do not go together; "
                f"take both from one Vocabulary, or from two with the same blocks= and size="
            )
        return other


def bundle(*codes: BlockCode) -> BlockCode:
    """The sum of codes, counts kept; see `BlockCode.winners` and `BlockCode.union` for thinner ones."""
    if not codes:
        raise ParameterError("bundle: needs at least one code, such as bundle(vocabulary['Ada'])")
    total = codes[0]
    for code in codes[1:]:
        total = total + code
    return total


# ---- how sure an answer is -------------------------------------------------------------------------------------------


def unrelated_support(code: BlockCode) -> np.ndarray:
    """Distribution of the similarity of `code` with a symbol that has nothing to do with it; float64 [0 ... most].

    Exact: the symbol takes one unit of each block at random, so the similarity is a sum of independent draws from the
    counts of the blocks.
    """
    total = np.ones(1)
    for row in code.counts:
        total = np.convolve(total, np.bincount(row) / row.size)
    return total


def unrelated_support_of_union(members: float, blocks: int, size: int) -> np.ndarray:
    """The same for the union of so many random symbols: Binomial(blocks, 1 - (1 - 1/size)^members); float64 [blocks + 1]."""
    return _binomial(blocks, 1.0 - (1.0 - 1.0 / size) ** members)


def support_threshold(unrelated: np.ndarray, symbols: int, false_alarms: float) -> int:
    """The least support that `symbols` unrelated ones reach, any of them, with a probability of at most `false_alarms`.

    Parameters
    ----------
    unrelated : float64 [supports]
        Distribution of the support of one unrelated symbol; see `unrelated_support`.
    symbols : int
        How many are compared.
    false_alarms : float
        Probability that the best of them is taken for an answer.
    """
    false_alarms = check_probability("support_threshold(false_alarms)", false_alarms)
    reached = np.append(np.cumsum(unrelated[::-1])[::-1], 0.0)  # P(support >= k)
    with np.errstate(divide="ignore"):
        any_of_them = -np.expm1(symbols * np.log1p(-np.minimum(reached, 1.0)))
    return int(np.argmax(any_of_them <= false_alarms))


@dataclass(frozen=True)
class ExpectedRecall:
    """What to expect of unbinding and clean-up: see `expected_recall`."""

    accuracy: float
    accepted: float
    threshold: int


def expected_recall(
    members: int, symbols: int, *, blocks: int = 64, size: int = 16, false_alarms: float = 0.01
) -> ExpectedRecall:
    """Chance that one of `members` bound pairs is unbound and cleaned up rightly among `symbols`, and that it is accepted.

    The right symbol has the support blocks + Binomial(blocks (members - 1), 1/size), each other one Binomial(blocks
    members, 1/size), taken as independent; the best wins, ties are drawn.  Counts are kept in the bundle.  With few blocks
    the supports go up and down together, and the truth is a little better (8 blocks, 5 members: 0.86, not 0.79).

    Examples
    --------
    >>> from neurosim.memory.block_codes import expected_recall
    >>> round(expected_recall(members=5, symbols=1000, blocks=64).accuracy, 3)
    1.0
    """
    most = blocks * members
    other = _binomial(most, 1.0 / size)
    right = np.zeros(most + 1)
    right[blocks:] = _binomial(most - blocks, 1.0 / size)[: most + 1 - blocks]
    threshold = support_threshold(other, symbols, false_alarms)
    below = np.concatenate([[0.0], np.cumsum(other)[:-1]])
    fine = other > 1e-9 * below  # else no tie, and the difference below would be rounding
    tied = ((below + other) ** symbols - below**symbols) / (symbols * np.where(fine, other, 1.0))
    won = np.where(fine, tied, below ** (symbols - 1))  # mean of 1 / (1 + ties), if no other symbol has more
    return ExpectedRecall(float((right * won).sum()), float(right[threshold:].sum()), threshold)


def _binomial(n: int, p: float) -> np.ndarray:
    """Probabilities of 0 ... n."""
    k = np.arange(n + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    if p in (0.0, 1.0):
        return (k == n * p).astype(np.float64)
    return np.asarray(np.exp(logs[n] - logs[k] - logs[n - k] + k * np.log(p) + (n - k) * np.log1p(-p)))


# ---- names -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recognition:
    """The answer of a clean-up.

    Attributes
    ----------
    name : str or None
        The nearest symbol, or None if its support is below the threshold.
    support : int or None
        How many blocks speak for it (with counts, how many members); None if nobody was near enough to be told apart.
    threshold : int
        The least support that is taken for an answer.
    false_alarms : float
        Probability with which the best of all symbols reaches the threshold if none is meant.
    tied : tuple of str
        All symbols of this support, the named one first.
    """

    name: str | None
    support: int | None
    threshold: int
    false_alarms: float
    tied: tuple[str, ...] = ()


class Vocabulary:
    """Names and their codes.  A code depends on the seed, the shape and the name only, not on the order of adding.

    Parameters
    ----------
    blocks, size : int
        Blocks, and units in each; 64 of 16 hold 20 bound pairs and 1,000 symbols without error.
    seed : int
        Vocabularies of different seeds have nothing in common.

    Examples
    --------
    >>> from neurosim.memory.block_codes import Vocabulary
    >>> v = Vocabulary(blocks=8, size=4, seed=1)
    >>> v.add("Ada", "Bob")
    >>> v["Ada"].similarity(v["Ada"]), len(v)
    (8, 2)
    """

    def __init__(self, blocks: int = 64, size: int = 16, seed: int = 0) -> None:
        self.blocks = check_count("Vocabulary.blocks", blocks, least=1)
        self.size = check_count("Vocabulary.size", size, least=2)
        self.seed = check_count("Vocabulary.seed", seed)
        self._phases: dict[str, np.ndarray] = {}

    @property
    def dimension(self) -> int:
        """Units of all blocks."""
        return self.blocks * self.size

    @property
    def names(self) -> list[str]:
        """All names, in the order of adding."""
        return list(self._phases)

    def add(self, *names: str) -> None:
        """Add names; those that are known stay what they are."""
        for name in names:
            if not isinstance(name, str) or not name:
                raise ParameterError(f"Vocabulary.add: a name is a text, got {name!r}; for example add('Ada', 'Bob')")
            if name not in self._phases:
                text = "\x1f".join(["symbol", str(self.seed), str(self.size), name])
                drawn = np.frombuffer(hashlib.shake_256(text.encode()).digest(8 * self.blocks), "<u8")
                self._phases[name] = (drawn % np.uint64(self.size)).astype(np.int64)

    def remove(self, name: str) -> None:
        """Forget a name."""
        self._known(name)
        del self._phases[name]

    def __getitem__(self, name: str) -> BlockCode:
        return BlockCode.from_phases(self._known(name), self.size)

    def __contains__(self, name: object) -> bool:
        return name in self._phases

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self._phases)

    def lookup(self, code: BlockCode) -> str | None:
        """The name whose code this is, unit by unit, or None."""
        best = self.clean_up(code)
        return best.name if best.name is not None and self[best.name] == code else None

    def similarities(self, code: BlockCode, among: Iterable[str] | None = None) -> np.ndarray:
        """Similarity of a code with each name (all, or those of `among` in their order); int64 [names]."""
        if code.counts.shape != (self.blocks, self.size):
            raise ParameterError(
                f"Vocabulary: its symbols have {self.blocks} blocks of {self.size}, the code has {code.blocks} blocks of {code.size}; "
                f"take codes from this vocabulary"
            )
        phases = [self._known(name) for name in (self._phases if among is None else among)]
        if not phases:
            return np.zeros(0, np.int64)
        return np.asarray(code.counts[np.arange(self.blocks), np.array(phases)].sum(axis=1), np.int64)

    def clean_up(
        self, code: BlockCode, *, false_alarms: float = 0.01, threshold: int | None = None, among: Iterable[str] | None = None
    ) -> Recognition:  # fmt: skip
        """The symbol nearest to a code, or None if it is no nearer than unrelated symbols may be.

        Parameters
        ----------
        code : BlockCode
        false_alarms : float
            Probability that one of the symbols is named if none is meant; the threshold follows from it and from the code.
        threshold : int, optional
            The least support, given; the answer then tells its rate of false alarms.
        among : names, optional
            The candidates; all by default.

        Returns
        -------
        Recognition
        """
        names = self.names if among is None else list(among)
        similarity = self.similarities(code, names)
        unrelated = unrelated_support(code)
        if threshold is None:
            threshold = support_threshold(unrelated, max(1, len(names)), false_alarms)
        rate = false_alarm_rate(unrelated, len(names), threshold)
        if not names:
            return Recognition(None, None, threshold, rate)
        best = int(similarity.max())
        tied = tuple(names[k] for k in np.flatnonzero(similarity == best))
        return Recognition(tied[0] if best >= threshold else None, best, threshold, rate, tied)

    def _known(self, name: str) -> np.ndarray:
        if name not in self._phases:
            raise ParameterError(
                f"Vocabulary[{name!r}]: no such symbol; it has {len(self)}. Write vocabulary.add({name!r}) first."
                f"{did_you_mean(name, self._phases)}"
            )
        return self._phases[name]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} symbols, {self.blocks} blocks of {self.size}, seed {self.seed})"


def false_alarm_rate(unrelated: np.ndarray, symbols: int, threshold: int) -> float:
    """Probability that any of so many unrelated symbols reaches a threshold; see `support_threshold`."""
    reached = min(1.0, float(unrelated[max(0, threshold) :].sum()))
    return float(-np.expm1(symbols * np.log1p(-reached))) if reached < 1.0 else float(symbols > 0)


__all__ = [
    "BlockCode",
    "ExpectedRecall",
    "Recognition",
    "Vocabulary",
    "bundle",
    "expected_recall",
    "false_alarm_rate",
    "support_threshold",
    "unrelated_support",
    "unrelated_support_of_union",
]
