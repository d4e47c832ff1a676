"""Rules over facts, followed forward: what must hold if some facts hold.

The control is Python: it binds variables and decides what is looked up next.  Each look-up is a question in spikes, and what follows
is told like any fact.  Knows what `Facts` offers, not how it works.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.memory.fact_answers import Told

if TYPE_CHECKING:
    from neurosim.memory.facts import Facts

Pattern = tuple[str, str, str]


@dataclass(frozen=True)
class Rule:
    """If all premises hold, so does the conclusion; words that begin with "?" are variables.

    Parameters
    ----------
    premises : sequence of (subject, relation, object)
    conclusion : (subject, relation, object)
        Its variables occur in the premises.

    Examples
    --------
    >>> from neurosim.memory.fact_rules import Rule
    >>> rule = Rule([("?x", "parent of", "?y"), ("?y", "parent of", "?z")], ("?x", "grandparent of", "?z"))
    >>> rule.variables
    ('?x', '?y', '?z')
    """

    premises: Sequence[Pattern]
    conclusion: Pattern

    def __post_init__(self) -> None:
        patterns = [tuple(p) for p in (*self.premises, self.conclusion)]
        if len(patterns) < 2 or any(len(p) != 3 or not all(isinstance(w, str) and w for w in p) for p in patterns):
            raise ParameterError(
                f"Rule: needs premises and a conclusion of three texts each, got {self.premises!r} and {self.conclusion!r}; for example "
                f"Rule([('?x', 'parent of', '?y')], ('?y', 'child of', '?x'))"
            )
        object.__setattr__(self, "premises", tuple(patterns[:-1]))
        object.__setattr__(self, "conclusion", patterns[-1])
        loose = [w for w in self.conclusion if w.startswith("?") and w not in self.variables]
        if loose:
            raise ParameterError(
                f"Rule.conclusion: {loose[0]} is in no premise; variables there are {', '.join(self.variables) or 'none'}"
            )
        if all(w.startswith("?") for p in self.premises for w in p):
            raise ParameterError(
                "Rule.premises: some word must be given, such as the relation; all of them are variables"
            )

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the premises, in order."""
        return tuple(dict.fromkeys(w for p in self.premises for w in p if w.startswith("?")))


@dataclass(frozen=True)
class Derived:
    """A fact that followed: what it says, how it was told, and the numbers of the facts that it follows from."""

    triple: Pattern
    told: Told
    because: tuple[int, ...]


def infer(facts: Facts, rules: Iterable[Rule], *, at: float | None = None, rounds: int = 10) -> list[Derived]:
    """Follow rules forward until nothing new follows, and tell what does.

    Parameters
    ----------
    facts : Facts
    rules : iterable of Rule
    at : float, optional
        Since when the conclusions shall hold; the premises are those that hold now.
    rounds : int
        At most so many times.

    Returns
    -------
    list of Derived
    """
    rules, derived = list(rules), []
    for _ in range(check_count("infer(rounds)", rounds, least=1)):
        found: dict[Pattern, tuple[int, ...]] = {}
        for rule in rules:
            for words, ids in bindings(facts, rule):
                s, r, o = (words.get(w, w) for w in rule.conclusion)
                found.setdefault((s, r, o), ids)
        known = facts.match_many(list(found)) if found else []
        new = [t for t, held in zip(found, known, strict=True) if not held]
        if not new:
            break
        told = facts.tell_many(new, at=at)
        derived += [Derived(t, one, found[t]) for t, one in zip(new, told, strict=True)]
    return derived


def bindings(facts: Facts, rule: Rule) -> list[tuple[dict[str, str], tuple[int, ...]]]:
    """All ways to give the variables words so that the premises hold, with the facts that say so; one look-up each."""
    so_far: list[tuple[dict[str, str], tuple[int, ...]]] = [({}, ())]
    for premise in sorted(rule.premises, key=lambda p: sum(w.startswith("?") for w in p)):
        asked = [[words.get(w, w) for w in premise] for words, _ in so_far]
        patterns = [(_open(a[0]), _open(a[1]), _open(a[2])) for a in asked]
        grown = []
        for (words, ids), terms, held in zip(so_far, asked, facts.match_many(patterns), strict=True):
            for fact in held:
                now = dict(words)
                same = all(
                    value is not None and now.setdefault(term, value) == value
                    for term, value in zip(terms, fact.triple, strict=True)
                    if term.startswith("?")
                )
                if same:
                    grown.append((now, (*ids, fact.id)))
        so_far = grown
        if not so_far:
            break
    return so_far


def _open(word: str) -> str | None:
    return None if word.startswith("?") else word


__all__ = ["Derived", "Rule", "bindings", "infer"]
