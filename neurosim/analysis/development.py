"""A grown worm brain beside the real ones: per age what both look like, and who predicts the new connections.

Knows the data set and matrices of contacts; it does not know networks.
"""

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neurosim.analysis.graphs import GraphSummary, correlation_on_connections, pearson, strengths, summarise
from neurosim.analysis.prediction import average_precision, chance_precision, new_connections, null_scores
from neurosim.checks import check_count
from neurosim.datasets.celegans import ADULTS, CelegansDevelopment
from neurosim.errors import ParameterError

CAVEATS = (
    "Most neurons of the worm signal by graded potentials, so a spiking model stands for its wiring, not its signals.",
    "Each age is another animal, so a difference between two ages is also a difference between two animals.",
)
SHORT_CAVEATS = ("most worm neurons are graded, the model's spike", "each age is another animal")
GROWN = "model: grown contacts"


@dataclass(frozen=True)
class AgeComparison:
    """One age: the real brain and, if there is one, the model's; `hours` after hatching."""

    age: int
    hours: float
    stage: str
    real: GraphSummary
    model: GraphSummary | None


@dataclass(frozen=True)
class DevelopmentReport:
    """A grown network beside the eight real brains; all entries are plain Python values.

    Attributes
    ----------
    ages : tuple of AgeComparison
        Neurons, connections, contacts, contacts per connection, strengths (Gini, hubs) at each of the eight ages.
    grown : GraphSummary
        The same of the grown brain.
    correlation : dict of str to float
        Pearson correlation of contacts on the connections that existed at birth (autapses left out): "birth and
        adults" (the real birth with the mean of the two adults: what one gets without growing), "model and adults"
        (the grown brain with that mean; nan if it does not vary), "adult and adult" (the two adults: about what one
        can hope for).
    strength_correlation : dict of str to float
        Pearson correlation over neurons of the in- and out-strength of the grown brain with those of the mean adult:
        are the hubs the right ones.
    candidates, new : int
        Ordered pairs of different neurons without a connection at birth, and those of them connected in *both*
        adults: what is to be found.
    chance : tuple of float
        Average precision of random rankings: mean, and the bounds of 95 % of them.
    precision : dict of str to float
        Average precision of every score, nulls first.
    models : tuple of str
        Which of the scores are the model's; the rest are nulls.
    adult_predicts_adult, adult_base_rate : float
        Average precision of the contacts of one adult (8) for the new connections of the other (7), and the share of
        new ones there: an easier task, and the most that any model can hope for.
    caveats : tuple of str
        Two things about the data to keep in mind.
    """

    ages: tuple[AgeComparison, ...]
    grown: GraphSummary
    correlation: dict[str, float]
    strength_correlation: dict[str, float]
    candidates: int
    new: int
    chance: tuple[float, float, float]
    precision: dict[str, float]
    models: tuple[str, ...]
    adult_predicts_adult: float
    adult_base_rate: float
    caveats: tuple[str, ...] = CAVEATS

    @property
    def winner(self) -> str:
        """The score with the largest average precision; the null if a model's is not larger."""
        return max(self.precision, key=lambda name: (self.precision[name], name not in self.models))

    @property
    def best_model(self) -> str:
        """The score of the model with the largest average precision."""
        return max(self.models, key=lambda name: self.precision[name])

    @property
    def best_null(self) -> str:
        """The null with the largest average precision."""
        return max((name for name in self.precision if name not in self.models), key=lambda name: self.precision[name])

    def verdict(self) -> str:
        """Which score wins, in one sentence, with what the model and chance reach."""
        mean, low, high = self.chance
        best, null = self.precision[self.best_model], self.precision[self.best_null]
        name = textwrap.shorten(self.best_model.removeprefix("model: "), 24, placeholder="...")
        chance = f"chance {mean:.3f}"
        if best <= high:
            chance = f"{'no better' if best >= low else 'worse'} than {chance}"
        if self.winner in self.models:
            return f"the model wins ({name}, {best:.3f}); the best null, {self.best_null}, reaches {null:.3f}, {chance}"
        return f"the {self.best_null} wins (a null, {null:.3f}); the model reaches {best:.3f} ({name}), {chance}"

    def lines(self, width: int = 100) -> list[str]:
        """The report in at most ten lines of at most `width` characters (100 or more)."""
        width = check_count("DevelopmentReport.lines.width", width, least=100)
        brains = (self.ages[0].real, self.grown, *(self.ages[age - 1].real for age in ADULTS))
        rows = [
            ("", "at birth", "grown", *(f"adult {age}" for age in ADULTS)),
            ("neurons, connections", *(f"{b.neurons}, {b.connections:,}" for b in brains)),
            ("contacts, per conn.", *(f"{b.contacts:,.0f}, {_number(b.contacts_per_connection, 2)}" for b in brains)),
            ("Gini of in, out", *(f"{_number(b.gini_in, 2)}, {_number(b.gini_out, 2)}" for b in brains)),
            ("top hub in, out", *(f"{_hub(b.hubs_in)}, {_hub(b.hubs_out)}" for b in brains)),
        ]
        r = {name: _number(value, 2) for name, value in self.correlation.items()}
        old = (
            f"contacts on the connections of birth: r with the adults {r['model and adults']} grown, "
            f"{r['birth and adults']} at birth; adult-adult {r['adult and adult']}"
        )
        untold = (*self.models, self.best_null, "uniform", "reciprocal contacts")  # uniform is chance
        others = (name for name in self.precision if name not in untold)
        ranking = (
            f"{self.new} of {self.candidates:,} pairs are new; average precision: {self.verdict()}. "
            f"Another adult reaches {self.adult_predicts_adult:.2f}. "
            f"Nulls: {', '.join(f'{name} {self.precision[name]:.3f}' for name in others)}."
        )
        return [
            *((first.ljust(20) + "".join(cell.rjust(20) for cell in cells)).rstrip() for first, *cells in rows),
            textwrap.shorten(old, width, placeholder="..."),
            *textwrap.wrap(ranking, width, max_lines=3, placeholder=" ..."),
            f"Mind: {'; '.join(SHORT_CAVEATS)}.",
        ]

    def table(self) -> list[str]:
        """Every age in a line: the real brain and, where there is one, the model's after a bar."""
        head = "age stage   hours  neurons connections contacts  per conn.  Gini in  Gini out  top in        top out"
        lines = [head + ("   | model: the same" if any(a.model for a in self.ages) else "")]
        for a in self.ages:
            line = f"{a.age:>3} {a.stage:<6} {a.hours:>6g}  {_row(a.real)}"
            lines.append((line + (f" | {_row(a.model)}" if a.model else "")).rstrip())
        return lines

    def to_dict(self) -> dict[str, object]:
        """Everything as dicts, lists, strings and numbers, ready for JSON; NaN becomes None."""
        return {
            "ages": [
                {
                    "age": a.age,
                    "hours": a.hours,
                    "stage": a.stage,
                    "real": _plain(a.real.to_dict()),
                    "model": None if a.model is None else _plain(a.model.to_dict()),
                }
                for a in self.ages
            ],
            "grown": _plain(self.grown.to_dict()),
            "correlation": _plain(self.correlation),
            "strength_correlation": _plain(self.strength_correlation),
            "candidates": self.candidates,
            "new": self.new,
            "chance": dict(zip(("mean", "low", "high"), self.chance, strict=True)),
            "precision": _plain(self.precision),
            "models": list(self.models),
            "winner": self.winner,
            "winner_is_null": self.winner not in self.models,
            "best_model": self.best_model,
            "best_null": self.best_null,
            "verdict": self.verdict(),
            "adult_predicts_adult": self.adult_predicts_adult,
            "adult_base_rate": self.adult_base_rate,
            "caveats": list(self.caveats),
        }


def development_report(
    dataset: CelegansDevelopment,
    grown: np.ndarray,
    *,
    scores: Mapping[str, np.ndarray] | None = None,
    ages: Mapping[int, np.ndarray] | None = None,
    hubs: int = 5,
    seed: int = 0,
) -> DevelopmentReport:
    """Put a grown brain beside the real ones.

    Parameters
    ----------
    dataset : CelegansDevelopment
        From `datasets.celegans_development()`.
    grown : ndarray of int [n, n]
        Contacts of the grown network in the order of `dataset.neurons`, rows presynaptic.  Its contacts on pairs that
        were not connected at birth are also the model's first score.
    scores : dict of str to ndarray [n, n], optional
        More scores of the model for new connections, by name; only pairs not connected at birth are looked at.
    ages : dict of int to ndarray of int [n, n], optional
        Contacts of the model when it was as old as dataset 1 to 8.
    hubs : int
        How many of the strongest neurons to list.
    seed : int
        For the random rankings that say what chance reaches.

    Returns
    -------
    DevelopmentReport

    Examples
    --------
    >>> import neurosim as ns
    >>> worm = ns.datasets.celegans_development()
    >>> report = ns.analysis.development_report(worm, worm.matrix(8))  # the adult itself as the "grown" brain
    >>> report.new, report.candidates
    (770, 32267)
    """
    grown = _brain("development_report.grown", grown, dataset)
    models = {age: _brain(f"development_report.ages[{age!r}]", matrix, dataset) for age, matrix in (ages or {}).items()}
    unknown = [age for age in models if age not in dataset.ages]
    if unknown:
        raise ParameterError(f"development_report.ages: an age is the number of a dataset, 1 to 8, got {unknown[0]!r}")
    real = {age: dataset.matrix(age) for age in dataset.ages}
    birth, adults = real[1], [real[age] for age in ADULTS]
    mean_adult = np.mean(adults, axis=0)
    compared = tuple(
        AgeComparison(
            age,
            hours,
            stage,
            summarise(real[age], dataset.neurons, hubs),
            summarise(models[age], dataset.neurons, hubs) if age in models else None,
        )
        for age, hours, stage in zip(dataset.ages, dataset.ages_hours, dataset.stages, strict=True)
    )

    candidates, new = new_connections(birth, *adults)
    nulls = null_scores(birth, dataset.mirror_index(), dataset.coupling(1))
    own = {GROWN: grown.astype(np.float64)}
    for name, score in (scores or {}).items():
        label = name if name.startswith("model: ") else f"model: {name}"
        if label in own:
            raise ParameterError(f"development_report.scores: {name!r} is taken; give the score another name")
        own[label] = _brain(f"development_report.scores[{name!r}]", score, dataset, whole=False)
    precision = {name: average_precision(new[candidates], score[candidates]) for name, score in (nulls | own).items()}

    predicted, predictor = adults
    adult_new = new_connections(birth, predicted)[1][candidates]
    strength = zip(("in", "out"), strengths(grown), strengths(mean_adult), strict=True)
    return DevelopmentReport(
        ages=compared,
        grown=summarise(grown, dataset.neurons, hubs),
        correlation={
            "birth and adults": correlation_on_connections(birth, birth, mean_adult),
            "model and adults": correlation_on_connections(birth, grown, mean_adult),
            "adult and adult": correlation_on_connections(birth, *adults),
        },
        strength_correlation={side: pearson(ours, theirs) for side, ours, theirs in strength},
        candidates=int(candidates.sum()),
        new=int(new.sum()),
        chance=chance_precision(int(new.sum()), int(candidates.sum()), seed=seed),
        precision=precision,
        models=tuple(own),
        adult_predicts_adult=average_precision(adult_new, predictor[candidates]),
        adult_base_rate=float(adult_new.mean()),
    )


def _brain(name: str, matrix: np.ndarray, dataset: CelegansDevelopment, *, whole: bool = True) -> np.ndarray:
    """A matrix over the neurons of the data set: of counts (`whole`) or of scores."""
    matrix, n = np.asarray(matrix), len(dataset.neurons)
    if matrix.shape != (n, n):
        raise ParameterError(
            f"{name}: needs [{n}, {n}] in the order of dataset.neurons, got an array of shape {matrix.shape}"
        )
    if not whole:
        return matrix.astype(np.float64)
    if matrix.dtype != bool and not np.issubdtype(matrix.dtype, np.integer):
        raise ParameterError(f"{name}: contacts are counts, got {matrix.dtype}; for weights pass scores={{...}}")
    if matrix.min() < 0:
        raise ParameterError(f"{name}: contacts must not be negative, got {matrix.min()}")
    return matrix.astype(np.int64)


def _number(value: float, digits: int) -> str:
    """A number for a table; a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _hub(hubs: tuple[tuple[str, float], ...]) -> str:
    """The strongest neuron and its strength."""
    return f"{hubs[0][0]} {hubs[0][1]:.0f}" if hubs else "-"


def _row(brain: GraphSummary) -> str:
    """One brain in a row of the table of ages."""
    return (
        f"{brain.neurons:>7} {brain.connections:>11,} {brain.contacts:>8,.0f} "
        f"{_number(brain.contacts_per_connection, 2):>10} "
        f"{_number(brain.gini_in, 2):>8} {_number(brain.gini_out, 2):>9}  "
        f"{_hub(brain.hubs_in):<12}  {_hub(brain.hubs_out):<12}"
    )


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """NaN becomes None, tuples become lists."""
    return {key: _plain_value(value) for key, value in values.items()}


def _plain_value(value: object) -> object:
    """One value as JSON can hold it."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return [_plain_value(v) for v in value] if isinstance(value, tuple) else value
