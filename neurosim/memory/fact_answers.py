"""What a memory of facts says: a fact as it was read, what became of something told, the answer to a question.

Frozen values and how answers of several hops are joined; knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.memory.fact_circuit import Heard, Triple


@dataclass(frozen=True)
class Fact:
    """What one index cell brought back, and when it held.

    Attributes
    ----------
    id : int
    subject, relation, object : str or None
        As the clean-ups named them; None where nothing was near enough.
    valid_from, valid_to : float
        When it was told, and from when on another one holds (inf: it still does).
    uses : int
        How many questions it has answered.
    heard : Heard
    """

    id: int
    subject: str | None
    relation: str | None
    object: str | None
    valid_from: float
    valid_to: float
    uses: int
    heard: Heard

    @property
    def triple(self) -> Triple:
        """Subject, relation, object."""
        return self.subject, self.relation, self.object


@dataclass(frozen=True)
class Told:
    """What became of something told.

    Attributes
    ----------
    id : int
        Number of the fact.
    status : {"new", "strengthened", "replaces"}
        "strengthened": it was known, and nothing was stored; "replaces": a functional relation had another object until now.
    replaced : int or None
        The fact that ends where this one begins.
    """

    id: int
    status: str
    replaced: int | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to a question with one word open.

    Attributes
    ----------
    symbol : str or None
        The only answer; None without one or with several.
    symbols : tuple of str
        All answers, the strongest first.
    status : {"ok", "no_memory", "ambiguous"}
        "ambiguous": a functional relation has several answers, or two words were equally near.
    confidence : float
        Share of the key synapses that spoke for the first answer, times that of the blocks that named it; 0 ... 1.
    theta, false_alarm_rate : float
        Key synapses that a fact needs to answer, and how often a question that no fact answers finds one that has them.
    latency : float
        ms that the race of the index cells and that of the clean-up took; inf without an answer.
    facts : tuple of Fact
        What the answers come from; the slow store does not know it.
    source : {"index", "slow", ""}
        Which store answered; the slow one knows no times and gives the strongest answer alone.
    """

    symbol: str | None
    symbols: tuple[str, ...]
    status: str
    confidence: float
    theta: float
    false_alarm_rate: float
    latency: float
    facts: tuple[Fact, ...] = ()
    source: str = ""

    @property
    def ids(self) -> tuple[int, ...]:
        """Numbers of the facts."""
        return tuple(f.id for f in self.facts)

    @property
    def valid_from(self) -> float:
        """Since when the first answer holds; nan without one."""
        return self.facts[0].valid_from if self.facts else np.nan

    @property
    def valid_to(self) -> float:
        """Until when the first answer holds (inf: still); nan without one."""
        return self.facts[0].valid_to if self.facts else np.nan

    def __str__(self) -> str:
        """The answer in a sentence: what, from which store, since when, how fast; or that there is none."""
        if not self.symbols:
            return (
                f"I do not know (nobody had {self.theta:.0f} key synapses; false alarms {self.false_alarm_rate:.2%})."
            )
        held = f", since {self.valid_from:.0f}" if len(self.facts) == 1 else ""
        held += f" until {self.valid_to:.0f}" if held and self.valid_to < np.inf else ""
        return f"{', '.join(self.symbols)} ({self.source}{held}, {self.latency:.0f} ms)."


def graded(answers: Sequence[Answer], objects: Sequence[str]) -> list[float]:
    """Shares of right and of false answers to questions that have one right answer each; the rest was refused."""
    right = float(np.mean([a.symbols == (o,) for a, o in zip(answers, objects, strict=True)]))
    return [right, float(np.mean([bool(a.symbols) for a in answers])) - right]


def fits(triple: Triple, pattern: Triple) -> bool:
    """Whether a fact was read to hold the words that are given."""
    return all(given is None or word == given for word, given in zip(triple, pattern, strict=True))


def joined(answers: Sequence[Answer]) -> Answer:
    """Answers to one hop from several subjects, as one."""
    good = [a for a in answers if a.symbols]
    if not good:
        return answers[0]
    symbols = tuple(dict.fromkeys(s for a in good for s in a.symbols))
    return Answer(
        symbols[0] if len(symbols) == 1 else None, symbols, "ambiguous" if any(a.status == "ambiguous" for a in good) else "ok",
        max(a.confidence for a in good), good[0].theta, good[0].false_alarm_rate, max(a.latency for a in good),
        tuple(f for a in good for f in a.facts), good[0].source,
    )  # fmt: skip


def chained(hops: Sequence[Answer]) -> Answer:
    """The answer to the last hop, as sure as the least sure one; its facts are those of all hops."""
    last = hops[-1]
    return Answer(
        last.symbol, last.symbols, last.status, min(h.confidence for h in hops), last.theta, last.false_alarm_rate,
        sum(h.latency for h in hops), tuple(f for h in hops for f in h.facts) if last.symbols else (), last.source,
    )  # fmt: skip


__all__ = ["Answer", "Fact", "Told", "chained", "fits", "graded", "joined"]
