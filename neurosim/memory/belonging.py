"""Which synapses belong to which memories of a store, which to these alone, and whether memories still come back from their cues.

Knows the stores (associative, index, episodic) and how each lists its cells; no usefulness, no time.  Lists of cells serve to
delete and to test: a test fires a cue and looks who answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neurosim.errors import ParameterError
from neurosim.memory.associative import AssociativeStore, Freed
from neurosim.memory.episodic import EpisodicMemory
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, Volleys

if TYPE_CHECKING:
    from neurosim.edges import Edges
    from neurosim.network import Network
    from neurosim.projection import Projection

Store = AssociativeStore | IndexStore | EpisodicMemory


@dataclass(frozen=True)
class Members:
    """Synapses of one projection and their owners: synapse `edge[j]` belongs to the memory in row `row[j]` of the ids.

    Attributes
    ----------
    edges : Edges
        All of the projection.
    edge, row : int64 [memberships]
    """

    edges: Edges
    edge: np.ndarray
    row: np.ndarray

    def only(self, mine: np.ndarray, ignored: np.ndarray | None = None) -> np.ndarray:
        """Synapses that belong to memories `mine` (bool [ids]) and to no other (but ignored ones), bool [edges]."""
        counted = np.ones(self.row.size, np.bool_) if ignored is None else ~ignored[self.row] | mine[self.row]
        every = np.bincount(self.edge[counted], minlength=len(self.edges))
        own = np.bincount(self.edge[mine[self.row]], minlength=len(self.edges))
        return np.asarray((own > 0) & (own == every))

    def last(self, rank: np.ndarray) -> np.ndarray:
        """Highest rank (int64 [ids]) among the owners of each synapse that has owners: when it goes, if they go in this order."""
        found = np.full(len(self.edges), -1, np.int64)
        np.maximum.at(found, self.edge, rank[self.row])
        return found[found >= 0]


@dataclass(frozen=True)
class Answers:
    """What cues brought back: share of each pattern that came back (float64 [cues]), and whether the answer was accepted."""

    quality: np.ndarray
    accepted: np.ndarray


class Belonging(Protocol):
    """What forgetting asks of a store."""

    @property
    def net(self) -> Network: ...

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the memories, ascending."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that Python keeps."""
        ...

    def value(self, ids: np.ndarray) -> np.ndarray:
        """What the store itself says that memories are worth; 1 where it says nothing."""
        ...

    def members(self) -> list[Members]:
        """Synapses and owners, by projection."""
        ...

    def forget(self, ids: np.ndarray) -> Freed: ...

    def cues(self, ids: np.ndarray) -> Any:
        """What would remind of these memories, with the patterns that should come back."""
        ...

    def answers(self, cues: Any, false_alarms: float | None = None) -> Answers:
        """Fire cues and look; with `false_alarms`, what random cues would pass more often is refused."""
        ...

    def show(self, ids: np.ndarray, patterns: tuple[Any, ...]) -> int:
        """Let memories fire again with their patterns; return how many synapses have grown."""
        ...


def belonging(store: Store) -> Belonging:
    """The view of a store that forgetting needs."""
    if isinstance(store, AssociativeStore):
        return _Associative(store)
    if isinstance(store, EpisodicMemory):
        return _Episodic(store)
    if isinstance(store, IndexStore):
        return _Index(store)
    raise ParameterError(
        f"Forgetting.store: needs an AssociativeStore, an IndexStore or an EpisodicMemory, got {type(store).__name__}"
    )


class _Associative:
    def __init__(self, store: AssociativeStore) -> None:
        self.store, self.net = store, store.net

    @property
    def ids(self) -> np.ndarray:
        return self.store.ids

    @property
    def nbytes(self) -> int:
        return self.store.nbytes

    def value(self, ids: np.ndarray) -> np.ndarray:
        return np.ones(ids.size)

    def members(self) -> list[Members]:
        store, edges = self.store, self.store.projection.edges()
        first, second = store.cells(self.ids)
        times = second.sizes[first.which]
        pre, row = np.repeat(first.place, times), np.repeat(first.which, times)
        start = np.concatenate([[0], np.cumsum(second.sizes)])[first.which]
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        post = second.place[np.repeat(start, times) + within]
        own = (edges.pre << 32) | edges.post  # ascending, as edges are
        code = (store.source.uid[pre] << 32) | store.target.uid[post]
        at = np.minimum(np.searchsorted(own, code), max(own.size - 1, 0))
        there = own[at] == code if own.size else np.zeros(code.size, np.bool_)
        return [Members(edges, at[there], row[there])]

    def forget(self, ids: np.ndarray) -> Freed:
        return self.store.forget(ids)

    def cues(self, ids: np.ndarray) -> tuple[Volleys, Volleys]:
        return self.store.cells(ids)

    def answers(self, cues: tuple[Volleys, Volleys], false_alarms: float | None = None) -> Answers:
        shown, wanted = cues
        if self.store.auto:  # a whole pattern would only show itself
            rank = np.arange(shown.which.size) - np.searchsorted(shown.which, shown.which)
            half = rank % 2 == 0
            shown = Volleys(shown.which[half], shown.place[half], len(shown), shown.n)
        reject = false_alarms is not None
        for size in np.unique(shown.sizes).tolist() if reject else ():
            self.store.calibrate(false_alarms, size=size)  # type: ignore[arg-type]
        answer = self.store.recall(shown, reject=reject)
        quality = jaccard(answer.winners, wanted)
        return Answers(np.where(answer.accepted, quality, 0.0), answer.accepted)

    def show(self, ids: np.ndarray, patterns: tuple[Any, ...]) -> int:
        self.store.present(*patterns)
        return 0


class _Index:
    def __init__(self, store: IndexStore) -> None:
        self.store, self.net = store, store.net

    @property
    def ids(self) -> np.ndarray:
        return self.store.ids

    @property
    def nbytes(self) -> int:
        return self.store.nbytes

    def value(self, ids: np.ndarray) -> np.ndarray:
        return np.ones(ids.size)

    def members(self) -> list[Members]:
        store, ids, found = self.store, self.ids, []
        uid = store.index.uid[store.cell(ids)] if ids.size else np.zeros(0, np.int64)
        order = np.argsort(uid)
        for p in (*store.key.values(), *store.value.values()):
            edges = p.edges()
            end = edges.post if p.target is store.index.cells else edges.pre
            at = np.minimum(np.searchsorted(uid[order], end), max(uid.size - 1, 0))
            mine = np.flatnonzero(uid[order][at] == end) if uid.size else np.zeros(0, np.int64)
            found.append(Members(edges, mine, order[at[mine]]))
        return found

    def forget(self, ids: np.ndarray) -> Freed:
        return self.store.forget(ids)

    def cues(self, ids: np.ndarray) -> tuple[dict[str, Volleys], dict[str, Volleys]]:
        store = self.store
        sides = [
            {f: self._ends(ids, p, layers[f]) for f, p in by.items()}
            for by, layers in ((store.key, store.keys), (store.value, store.values))
        ]
        return sides[0], sides[1]

    def _ends(self, ids: np.ndarray, p: Projection, layer: Layer) -> Volleys:
        """Cells of a layer that synapses join to the index cell of each memory."""
        edges, index = p.edges(), self.store.index
        cell, other = (edges.post, edges.pre) if p.target is index.cells else (edges.pre, edges.post)
        uid = index.uid[self.store.cell(ids)]
        order = np.argsort(uid)
        at = np.minimum(np.searchsorted(uid[order], cell), uid.size - 1)
        mine = uid[order][at] == cell
        which, place = order[at[mine]], np.searchsorted(layer.uid, other[mine])
        order = np.lexsort((place, which))
        return Volleys(which[order], place[order], ids.size, layer.n)

    def answers(
        self, cues: tuple[dict[str, Volleys], dict[str, Volleys]], false_alarms: float | None = None
    ) -> Answers:
        shown, wanted = cues
        reject = false_alarms is not None
        sizes = np.stack([v.sizes for v in shown.values()], axis=1)
        for row in np.unique(sizes, axis=0).tolist() if reject else ():
            if any(row):
                self.store.calibrate(false_alarms, size=dict(zip(shown, row, strict=True)))  # type: ignore[arg-type]
        answer = self.store.recall(shown, reject=reject)
        quality = np.mean([jaccard(answer.values[f], v) for f, v in wanted.items()], axis=0)
        return Answers(np.where(answer.accepted, quality, 0.0), answer.accepted)

    def show(self, ids: np.ndarray, patterns: tuple[Any, ...]) -> int:
        return self.store.strengthen(ids, *patterns)


class _Episodic(_Index):
    """An index store with engrams: values and labels are theirs, and a hippocampus forgets with it."""

    def __init__(self, memory: EpisodicMemory) -> None:
        super().__init__(memory.index)
        self.memory = memory

    def value(self, ids: np.ndarray) -> np.ndarray:
        return np.array([self.memory.engrams[k].value for k in ids.tolist()])

    def forget(self, ids: np.ndarray) -> Freed:
        return self.memory.forget(ids)

    def cues(self, ids: np.ndarray) -> Any:
        return self.store.read(ids)["what"]

    def answers(self, cues: Any, false_alarms: float | None = None) -> Answers:
        shown: Volleys = cues
        found = self.memory.recall_many(shown, reject=false_alarms is not None)  # type: ignore[arg-type]
        accepted = np.array([bool(one.items) and one.status in ("ok", "ambiguous") for one in found], np.bool_)
        place = [one.pattern for one in found]
        back = Volleys(np.repeat(np.arange(len(place)), [p.size for p in place]), np.concatenate([np.zeros(0, np.int64), *place]), len(place), shown.n)  # fmt: skip
        return Answers(np.where(accepted, jaccard(back, shown), 0.0), accepted)


def jaccard(one: Volleys, other: Volleys) -> np.ndarray:
    """Cells in both over cells in either, float64 [presentations]; 0 where neither has any."""
    a, b = one.which * one.n + one.place, other.which * one.n + other.place
    both = np.bincount(one.which[np.isin(a, b)], minlength=len(one))
    either = one.sizes + other.sizes - both
    return np.asarray(both / np.maximum(either, 1), np.float64)
