"""What is measured on a memory of facts: the spikes of one question, and what a loss of synapses leaves of its index.

Knows a memory of facts and its network; changes nothing but what `lose_synapses` takes away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_probability
from neurosim.errors import ParameterError
from neurosim.memory.fact_circuit import ROLES, Triple

if TYPE_CHECKING:
    from neurosim.memory.facts import Facts


def spikes_of(
    facts: Facts, question: Triple, *, blocks: int | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """The spikes of one question, by layer, in the order in which they fire.

    Parameters
    ----------
    facts : Facts
    question : (subject, relation, object), one of them None
    blocks : int, optional
        Of layers that carry codes only so many blocks, the first; default all.

    Returns
    -------
    dict of str to (float [spikes], int [spikes], int)
        Time (ms) from the first spike of a word on, cell in its layer, number of cells; named "subject: Ada" or the like, "index
        cells", "fact", "object, role off" (or the like) and "known words", the clean-up of the open word.
    """
    if len(question) != 3 or list(question).count(None) != 1:
        raise ParameterError(
            f"spikes_of(question): needs two words and one open, got {question!r}; for example ('Ada', 'works at', None)"
        )
    circuit, of = facts.circuit, dict(zip(ROLES, question, strict=True))
    role = ROLES[question.index(None)]
    clean = circuit.clean[role]
    shown = len(clean.layer.units) if blocks is None else blocks * facts.vocabulary.size
    codes = {f"{given}: {word}": circuit.words[given].cells for given, word in of.items() if word is not None}
    last = {"fact": circuit.fact.cells, f"{role}, role off": clean.layer.units}
    layers = codes | {"index cells": facts.store.index.cells} | last | {"known words": clean.cells}
    heard = {name: facts.net.record(cells) for name, cells in layers.items()}
    try:
        facts.ask(*question)
        begin = min(r.t.min() for r in heard.values() if r.t.size)
        spikes = {}
        for name, r in heard.items():
            n = len(layers[name]) if name in ("index cells", "known words") else min(len(layers[name]), shown)
            spikes[name] = (r.t[r.index < n] - begin, r.index[r.index < n], n)
    finally:
        for recorder in heard.values():
            facts.net.remove(recorder)
    return spikes


def lose_synapses(facts: Facts, share: float, rng: np.random.Generator) -> int:
    """Take this share of the synapses that the index has now away, key and value synapses alike, at random; how many went."""
    share, lost = check_probability("lose_synapses(share)", share), 0
    for p in (*facts.store.key.values(), *facts.store.value.values()):
        edges = p.edges()
        gone = rng.random(len(edges)) < share
        lost += int(edges[gone].remove(rule="lesion")) if gone.any() else 0
    return lost


__all__ = ["lose_synapses", "spikes_of"]
