"""Triples in spikes: three word layers bind into one volley of a fact layer, from which three clean-ups name the words again.

Knows layers, codes and clean-ups; stores no facts, knows no times and no questions.  Which words were meant is decided by
synapses: a role is one synapse for each unit, a word is known to a clean-up by one synapse from each of its units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import wiring
from neurosim.checks import steps_of
from neurosim.memory.block_codes import BlockCode, Vocabulary, unrelated_support_of_union
from neurosim.memory.layer import Layer, Timetable, Volleys
from neurosim.memory.symbols import PACE, CleanUp, SymbolLayer

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Population
    from neurosim.projection import Projection

ROLES = ("subject", "relation", "object")
#: Subject, relation and object; None where one is open.
Triple = tuple[str | None, str | None, str | None]
#: Steps from a volley of the fact layer to the first possible spike of a clean-up.
HEARD = 3


@dataclass(frozen=True)
class Heard:
    """What the clean-ups said to one volley of the fact layer.

    Attributes
    ----------
    named : tuple of tuple of str [3]
        All words whose cells fired first, by role.
    support : tuple of int [3]
        Blocks that agreed, of all; 0 where none fired.
    latency : float
        ms from the fact layer's volley to the last of the three words; inf where one is missing.
    """

    named: tuple[tuple[str, ...], ...]
    support: tuple[int, int, int]
    latency: float

    @property
    def words(self) -> Triple:
        """Subject, relation, object, the first of each; None where no cell of a clean-up fired."""
        s, r, o = ((n[0] if n else None) for n in self.named)
        return s, r, o

    @property
    def tied(self) -> bool:
        """Whether in some role several words fired first."""
        return any(len(n) > 1 for n in self.named)


class FactCircuit:
    """Word layers, a fact layer, and what leads from one to the other and back: ``subject*S + relation*R + object*O``.

    The volleys of three word layers arrive in the fact layer one step later, each moved by its role, and are one volley
    there.  It leaves the fact layer by three ways that take a role off each, and arrives as a word and noise; a clean-up names
    the word.  If the network has the populations already (it was loaded), they are taken.

    Parameters
    ----------
    net : Network
    vocabulary : Vocabulary
    name : str
        All populations are "<name>.<what>".
    false_alarms : float
        Probability that a clean-up names a word where none was meant; a small one makes its races short.  Default 1e-6 if
        the codes are long enough for a thousand words, else 0.01.
    uids : dict of str to int64 [n], optional
        `uids` when the network was saved, if cells had died.

    Attributes
    ----------
    words : dict of role to Layer
    fact : Layer
    clean : dict of role to CleanUp

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.block_codes import Vocabulary
    >>> from neurosim.memory.fact_circuit import FactCircuit
    >>> net = ns.Network(dt=1.0)
    >>> circuit = FactCircuit(net, Vocabulary(seed=1))
    >>> circuit.learn([("Ada", "works at", "the mill")])
    >>> volley = circuit.bind([("Ada", "works at", "the mill")])
    >>> circuit.hear(circuit.fact, [volley[0]])[0].words
    ('Ada', 'works at', 'the mill')
    """

    def __init__(
        self, net: Network, vocabulary: Vocabulary, name: str = "facts", *, false_alarms: float | None = None,
        uids: Mapping[str, np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        self.net, self.vocabulary, self.name = net, vocabulary, name
        self.blocks, n = vocabulary.blocks, vocabulary.dimension
        self._delay = steps_of(f"FactCircuit({name!r}): default_delay", net.default_delay, net.dt, least=1)
        self._spare = Vocabulary(self.blocks, vocabulary.size, vocabulary.seed)
        if false_alarms is None:
            perfect = unrelated_support_of_union(3, self.blocks, vocabulary.size)[-1]
            false_alarms = 1e-6 if 1000 * perfect < 1e-6 else 0.01
        roles = Vocabulary(self.blocks, vocabulary.size, vocabulary.seed)
        roles.add(*(f"role of the {role}" for role in ROLES))
        uid = uids or {}
        self.fact = _layer(net, f"{name}.fact", n, 3 * self.blocks, uid.get("fact"))
        self.words: dict[str, Layer] = {}
        self.clean: dict[str, CleanUp] = {}
        for role in ROLES:
            code = roles[f"role of the {role}"]
            self.words[role] = _layer(net, f"{name}.{role}", n, self.blocks, uid.get(role))
            _shift(net, f"{name}.{role} bound", self.words[role].cells, self.fact.cells, code, 1, "detonate")
            answer = SymbolLayer(net, vocabulary, f"{name}.{role} unbound")
            _shift(net, f"{name}.{role} taken off", self.fact.cells, answer.units, code, -1, None)
            self.clean[role] = CleanUp(
                net, answer, f"{name}.{role} known", members=3, false_alarms=false_alarms, volley=self.blocks
            )

    @property
    def uids(self) -> dict[str, np.ndarray]:
        """Uids of the cells of the fact layer and the word layers."""
        return {"fact": self.fact.uid, **{role: layer.uid for role, layer in self.words.items()}}

    # ---- words ------------------------------------------------------------------------------------------------------

    def code(self, word: str) -> BlockCode:
        """The code of a word, known or not; a word that nobody has told stays unknown."""
        if word in self.vocabulary:
            return self.vocabulary[word]
        self._spare.add(word)
        code = self._spare[word]
        self._spare.remove(word)
        return code

    def learn(self, triples: Sequence[Triple]) -> None:
        """Grow the synapses by which the words of these triples are known in their roles; known words stay what they are."""
        for i, role in enumerate(ROLES):
            self.clean[role].learn(*dict.fromkeys(word for t in triples if (word := t[i]) is not None))

    def keys(self, triples: Sequence[Triple]) -> dict[str, np.ndarray]:
        """Units of the words by role, int64 [triples, blocks]; for triples that are open in the same roles."""
        given = [i for i in range(3) if triples and triples[0][i] is not None]
        return {ROLES[i]: np.stack([self.code(str(t[i])).units for t in triples]) for i in given}

    # ---- in spikes --------------------------------------------------------------------------------------------------

    def bind(self, triples: Sequence[Triple]) -> Volleys:
        """Let the words of each triple fire together; return the volleys of the fact layer."""
        table, at = Timetable(self.net), 2 * np.arange(len(triples))
        for i, role in enumerate(ROLES):
            rows = np.array([m for m, t in enumerate(triples) if t[i] is not None], np.int64)
            if rows.size:
                table.cue(self.words[role], at[rows], np.stack([self.code(str(triples[m][i])).units for m in rows]))
        table.flush(self.fact, at)
        spikes = table.run(2 * len(triples) + 2)[self.fact]
        return spikes.winners(at + 1, 1, self.fact.n, self.net.dt)

    def hear(self, layer: Layer, groups: Sequence[np.ndarray], *, wake: int | None = None) -> list[Heard]:
        """Fire groups of cells one after another and listen to what the clean-ups say of each.

        Parameters
        ----------
        layer : Layer
            The fact layer, or one with synapses to it.
        groups : sequence of int64 arrays
            Places of cells that fire together.
        wake : int, optional
            Spikes that a cell of the fact layer needs from another layer to fire; default 1.
        """
        table, period = Timetable(self.net), self.longest
        at = period * (1 + np.arange(len(groups)))  # races that earlier volleys have begun are over then
        sizes = [g.size for g in groups]
        cells = np.concatenate([np.zeros(0, np.int64), *(np.sort(g) for g in groups)])
        table.cue(layer, at, Volleys(np.repeat(np.arange(len(groups)), sizes), cells, len(groups), layer.n))
        if layer is not self.fact:
            self.fact.tune(ceiling=float(wake or 1), theta=1.0, least=float(wake or 1))
            table.flush(self.fact, at)
            table.go(self.fact, at + self._delay)
        return self.listen(table, at + (self._delay if layer is not self.fact else 0), period * (1 + len(groups)))

    @property
    def longest(self) -> int:
        """Steps from firing a cell to the end of the last race of the clean-ups."""
        return 2 + self._delay + max(round(clean.longest / self.net.dt) for clean in self.clean.values())

    def listen(self, table: Timetable, at: np.ndarray, steps: int) -> list[Heard]:
        """Run a timetable; what the clean-ups say to the volleys that the fact layer fires in the steps `at`."""
        heard = {role: self.net.record(clean.cells) for role, clean in self.clean.items()}
        base = self.net.step + 2
        table.run(steps)
        said = [
            _first(heard[role].step - base, heard[role].uid, at, steps, self.clean[role]) if at.size else []
            for role in ROLES
        ]
        for recorder in heard.values():
            self.net.remove(recorder)
        out = []
        for one in zip(*said, strict=True):
            late = [s[1] for s in one]
            support = [self.blocks - max(0, (w - HEARD) // PACE) if w >= 0 else 0 for w in late]
            wait = max(late) * self.net.dt if min(late) >= 0 else np.inf
            named = tuple(tuple(s[0]) for s in one)
            out.append(Heard(named, (support[0], support[1], support[2]), float(wait)))
        return out

    def __repr__(self) -> str:
        known = ", ".join(f"{len(clean)} {role}s" for role, clean in self.clean.items())
        return f"FactCircuit({self.name!r}: {known}, {self.blocks} blocks of {self.vocabulary.size})"


def _first(
    step: np.ndarray, uid: np.ndarray, at: np.ndarray, steps: int, clean: CleanUp
) -> list[tuple[list[str], int]]:
    """For each volley the words whose cells fired first after it, and how many steps later; -1 where none did."""
    name = {clean.cell(word): word for word in clean.names}
    edges = np.append(at, steps)
    out = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        low, high = np.searchsorted(step, [begin + 1, end + 1])
        mine, who = step[low:high], uid[low:high]
        first = who[mine == mine[0]].tolist() if mine.size else []
        words = [name[u] for u in first if u in name]
        out.append((words, int(mine[0] - begin) if words else -1))
    return out


def _layer(net: Network, name: str, n: int, k: int, uid: np.ndarray | None) -> Layer:
    return Layer.attach(net, name, uid) if name in net.populations else Layer(net, name, n, k)


def _shift(
    net: Network, name: str, pre: Population, post: Population, role: BlockCode, sign: int, receptor: str | None
) -> Projection | Any:
    """One synapse from each unit to that which lies `sign` times the role's phase further in its block."""
    if name in net.projections:
        return net.projections[name]
    unit = np.arange(role.blocks * role.size)
    block, place = np.divmod(unit, role.size)
    target = block * role.size + (place + sign * role.phases[block]) % role.size
    edges = wiring.from_edges(np.stack([unit, target], axis=1))
    return net.connect(pre, post, edges, weight=1.0, delay=net.dt, receptor=receptor, name=name)


__all__ = ["ROLES", "FactCircuit", "Heard", "Triple"]
