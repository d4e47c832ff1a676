"""Facts that outlast their index cells: the cortical store, the sleep that teaches it, and questions that it answers alone.

Knows the circuit of words, the index store and a cortex; no times and no uses, but what a function says of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.memory.associative import Calibration
from neurosim.memory.consolidation import Consolidation
from neurosim.memory.fact_answers import fits
from neurosim.memory.fact_circuit import ROLES, FactCircuit, Triple
from neurosim.memory.fact_cortex import FactCortex
from neurosim.memory.failures import NotCalibrated
from neurosim.memory.indexed import IndexStore

#: Share of the blocks that must agree on each word: where several facts answer at once, some word is a blend.
CLEAR = 0.7


@dataclass(frozen=True)
class Said:
    """What the slow store says to a question; without symbols, nothing."""

    symbols: tuple[str, ...]
    confidence: float
    latency: float
    theta: float
    false_alarm_rate: float


class SlowFacts:
    """A cortex that learns facts in sleep, and is asked by words.

    Parameters
    ----------
    circuit : FactCircuit
    store : IndexStore
        With the fact layer as its value field "fact".
    n : int
        Cortical cells.
    useful : function of ids
        f(int64 [facts]) -> how excitable the index cell of each is in sleep.
    name : str
        The cortical layer is "<name>.cortex".
    uid : int64 [n], optional
        `cortex.cortex.uid` when the network was saved, if cells had died.

    Attributes
    ----------
    cortex : FactCortex
    sleeper : Consolidation
    bar : Calibration or None
        Threshold for questions, set by `calibrate`.
    """

    def __init__(
        self, circuit: FactCircuit, store: IndexStore, n: int, useful: Callable[[np.ndarray], np.ndarray], name: str = "facts", *,
        uid: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.circuit, self.net = circuit, circuit.net
        self.cortex = FactCortex(self.net, store, "fact", n, name=f"{name}.cortex", uid=uid)
        bound = [self.net.projections[f"{circuit.name}.{role} bound"] for role in ROLES]
        self.sleeper = Consolidation(
            store, self.cortex, field="fact", schedule="usefulness", usefulness=useful, noise=1.0, set_point=np.inf, inputs=bound
        )  # fmt: skip
        self.bar: Calibration | None = None

    @property
    def knows(self) -> bool:
        """Whether there is anything that it may answer from."""
        return self.bar is not None and len(self.cortex.up) > 0

    def ask(self, asked: Sequence[Triple], check: bool = True) -> list[Said]:
        """Let words fire; what they bind to wakes cortical cells, these wake a whole fact, and clean-ups name its words.

        Parameters
        ----------
        asked : sequence of (subject, relation, object), one of them None
        check : bool
            Whether the fact must hold the words of the question, and all three words be clear.
        """
        if self.bar is None:
            raise NotCalibrated("SlowFacts.ask: the slow store has learned nothing yet; facts.sleep() teaches it")
        cues, bar, said = self.circuit.bind(asked), self.bar, []
        r = self.cortex.recall(cues, least=bar.theta)
        rows = np.flatnonzero(r.accepted & (r.winners.sizes > 0)).tolist()
        fired = self.circuit.hear(self.circuit.fact, [r.winners[i] for i in rows])
        heard = dict(zip(rows, fired, strict=True))
        for i, question in enumerate(asked):
            fact, role = heard.get(i), question.index(None)
            clear = fact is not None and min(fact.support) >= CLEAR * self.circuit.blocks and fits(fact.words, question)
            if fact is None or not fact.named[role] or (check and not clear):
                said.append(Said((), 0.0, np.inf, bar.theta, bar.false_alarm_rate))
                continue
            sure = float(r.familiarity[i] / cues.sizes[i]) * fact.support[role] / self.circuit.blocks
            late = float(r.latency[i]) + fact.latency
            said.append(Said(fact.named[role], sure, late, bar.theta, bar.false_alarm_rate))
        return said

    def calibrate(self, fa: float, unanswered: Callable[[Sequence[Triple]], Sequence[bool]], cues: int = 400) -> None:
        """The least support that questions without an answer reach at a rate of `fa`, by asking them in spikes.

        Half ask for one known and one new word, half for two known words; of these, `unanswered` says which have no answer.
        """
        if not len(self.cortex.up):
            return
        rng = self.net.rng("slow facts", self.cortex.name, int(len(self.cortex.up)))
        known, new, pairs = [self.circuit.clean[role].names for role in ROLES], [], []
        for i in range(cues // 2):
            roles = rng.permutation(3)[:2].tolist()
            first, second = ({r: str(rng.choice(known[r]))} for r in roles)
            new.append(_triple(first | {roles[1]: f"\x00new {i}"}))
            pairs.append(_triple(first | second))
        asked = new + [p for p, fine in zip(pairs, unanswered(pairs), strict=True) if fine]
        shown = self.circuit.bind([asked[i] for i in rng.permutation(len(asked))])
        heard = self.cortex.recall(shown, least=float(self.circuit.blocks)).familiarity
        self.bar = self.cortex.bar(fa, heard, float(shown.sizes.max()))

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays."""
        bar = [] if self.bar is None else [self.bar.theta, self.bar.false_alarm_rate, self.bar.cues, self.bar.fill]
        return {"uid": self.cortex.cortex.uid, "bar": np.array(bar, np.float64), **self.cortex.arrays()}

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        self.cortex.set_arrays(arrays)
        bar = arrays["bar"].tolist()
        self.bar = Calibration(bar[0], bar[1], int(bar[2]), bar[3]) if bar else None

    def __repr__(self) -> str:
        return f"SlowFacts({self.cortex!r})"


def _triple(words: dict[int, str]) -> Triple:
    return words.get(0), words.get(1), words.get(2)


__all__ = ["Said", "SlowFacts"]
