"""Forgetting what is of little use: memories ranked by value x retrievability, and the synapses that only the least useful need.

Knows a store through `belonging`, a policy of strength, times and counters; no pattern.  Times and counters choose who goes; what
a recall brings back is decided by the synapses that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_not_negative, check_probability, did_you_mean
from neurosim.errors import ParameterError
from neurosim.memory.belonging import Members, Store, belonging
from neurosim.memory.engram import Remembered
from neurosim.memory.indexed import Recollection
from neurosim.memory.strength import GOOD, Fsrs, Strength, usefulness

if TYPE_CHECKING:
    from neurosim.memory.fading import FadingSynapses

MODES = ("delete", "silence")
Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class Residue:
    """Whether deleted memories can still be found by their cues, labels and numbers hidden.

    Attributes
    ----------
    cues : int
    hits : float
        Share of cues that were accepted and brought back at least half of the deleted pattern.
    accepted : float
        Share accepted at all; another memory may have answered.
    false_alarms : float
        Share of random cues that the threshold lets pass.
    """

    cues: int
    hits: float
    accepted: float
    false_alarms: float

    @property
    def clean(self) -> bool:
        """No more hits than false alarms."""
        return self.hits <= self.false_alarms


@dataclass(frozen=True)
class Forgotten:
    """What forgetting took and gave back, or would.

    Attributes
    ----------
    ids : int64 [engrams]
        The least useful first.
    mode : str
    dry_run : bool
        Nothing was changed then: `synapses` and `collateral` are measured, `bytes` are `synapses` times those of one.
    synapses : int
        Removed (delete) or silenced (silence): those that belong to nobody else.
    shared : int
        That others still need.
    bytes : int
        Given back by the network and by Python after compaction.
    collateral : float
        Mean change of the recall of the others, by firing their cues before and after; nan without probes.
    residue : Residue or None
    """

    ids: np.ndarray
    mode: str
    dry_run: bool
    synapses: int
    shared: int
    bytes: int
    collateral: float
    residue: Residue | None = None

    @property
    def engrams(self) -> int:
        """How many memories."""
        return int(self.ids.size)

    def __str__(self) -> str:
        verb = {"delete": "deleted", "silence": "silenced"}[self.mode]
        would = "would be " if self.dry_run else ""
        tail = "" if np.isnan(self.collateral) else f"; recall of the others {self.collateral:+.3f}"
        many = "memory" if self.engrams == 1 else "memories"
        return f"{self.engrams} {many} {would}{verb}: {self.synapses:,} synapses, {self.bytes:,} bytes ({self.shared:,} shared stay){tail}"


@dataclass(frozen=True)
class Retrieved:
    """What recalls that were used did: memories strengthened, competitors weakened, synapses that the latter lost."""

    strengthened: np.ndarray
    weakened: np.ndarray
    lost: int


class Forgetting:
    """Counts uses, ranks memories by usefulness and forgets the least useful, synapse by synapse.

    Usefulness is the value of a memory times its retrievability under `strength`.  Only recalls that were accepted *and* used
    count.  Such a recall makes the synapses of its memory more lasting (where `fading` says how), and those competitors that
    reached half of its support lose a few of the synapses that are theirs alone (retrieval-induced forgetting): they fall silent.

    Parameters
    ----------
    store : AssociativeStore, IndexStore or EpisodicMemory
        Memories that are stored later are noticed by themselves; call `track` to give them a value.
    strength : policy, optional
        Such as `Fsrs()` (default), `ActR()`, `PowerLaw()`.
    value : function, optional
        f(table) -> float [memories], not negative; default the column "value".  For columns see `table`.
    fading : FadingSynapses or several, optional
        Processes on the projections of the store.
    rivalry : float
        Share of the winner's support from which on a memory is a competitor.
    loss : float
        Share of a competitor's own synapses that fall silent at each recall of the winner.

    Attributes
    ----------
    skipped : float
        ms that `elapse` let pass without a simulation.

    References
    ----------
    Anderson, Bjork & Bjork (1994) J. Exp. Psychol. Learn. Mem. Cogn. 20:1063 (retrieval-induced forgetting).

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.forgetting import Forgetting
    >>> net = ns.Network(dt=1.0)
    >>> store = ns.memory.IndexStore(net, ns.memory.Layer(net, "content", 40, 4), n=10)
    >>> forgetting = Forgetting(store)
    >>> a, b, c = store.store([[0, 1, 2, 3], [3, 8, 11, 30], [5, 6, 7, 9]])
    >>> forgetting.elapse(24 * 3600e3)
    >>> _ = forgetting.recalled(store.recall([[8, 11, 30]]))
    >>> gone = forgetting.forget(number=2, dry_run=False)
    >>> gone.ids.tolist(), gone.synapses, store.ids.tolist()
    ([0, 2], 16, [1])
    """

    def __init__(
        self, store: Store, strength: Strength | None = None, *, value: Callable[[Table], np.ndarray] | None = None,
        fading: FadingSynapses | Sequence[FadingSynapses] = (), rivalry: float = 0.5, loss: float = 0.05,
    ) -> None:  # fmt: skip
        self.store, self._held = store, belonging(store)
        self.strength: Strength = Fsrs() if strength is None else strength
        self.worth = value
        self.fading = list(fading) if isinstance(fading, Sequence) else [fading]
        self.rivalry = check_probability("Forgetting.rivalry", rivalry)
        self.loss = check_probability("Forgetting.loss", loss)
        self.skipped = 0.0
        self._rounds = 0
        self._ids = np.zeros(0, np.int64)
        self._columns: dict[str, Any] = {
            "stored": np.zeros(0), "last": np.zeros(0), "uses": np.zeros(0, np.int64), "value": np.zeros(0),
            "silenced": np.zeros(0, np.bool_), "state": np.zeros((0, len(self.strength.columns))),
        }  # fmt: skip
        self._sync()

    # ---- counting ---------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """ms: the clock of the network and what was skipped."""
        return float(self._held.net.now) + self.skipped

    def elapse(self, time: float) -> None:
        """Let `time` ms pass for memories (and fading synapses) without a simulation."""
        self._sync()  # what is there was there before
        self.skipped += check_not_negative("Forgetting.elapse(time)", time, "ms")
        for process in self.fading:
            process.elapse(time)

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the memories, int64, ascending."""
        self._sync()
        return self._ids.copy()

    @property
    def table(self) -> Table:
        """Columns "id", "stored", "last" (ms), "age" (ms), "uses", "value", "silenced", "retrievability", in the order of the ids."""
        self._sync()
        table: Table = {"id": self._ids.copy()} | {k: v.copy() for k, v in self._columns.items() if k != "state"}
        table["age"] = self.now - table["stored"]
        table["retrievability"] = self.strength.retrievability(self._columns["state"], self.now)
        return table

    def track(self, ids: ArrayLike, value: ArrayLike = 1.0) -> None:
        """Give memories a value (reward, novelty), not negative."""
        rows = self._rows(ids)
        worth = np.broadcast_to(np.asarray(value, np.float64), rows.shape)
        if not (np.isfinite(worth) & (worth >= 0)).all():
            raise ParameterError(
                f"Forgetting.track(value): must be finite and not negative, got {value!r}; for example value=1.0"
            )
        self._columns["value"][rows] = worth

    def usefulness(self) -> np.ndarray:
        """Value x retrievability of each memory now, float64, in the order of the ids; 0 for silenced ones."""
        self._sync()
        value = self._columns["value"] if self.worth is None else np.asarray(self.worth(self.table), np.float64)
        if value.shape != self._ids.shape:
            raise ParameterError(
                f"Forgetting.value: must give {self._ids.size} numbers, one a memory, got shape {value.shape}"
            )
        found = usefulness(self.strength, self._columns["state"], self.now, value)
        return np.where(self._columns["silenced"], 0.0, found)

    def recalled(self, answer: Recollection | Remembered | Sequence[Remembered], *, used: ArrayLike = True, grade: int = GOOD) -> Retrieved:  # fmt: skip
        """Count the recalls that were accepted and whose answers were used, with their competitors.

        Parameters
        ----------
        answer : what `store.recall(cues, k=3)` or `episodic.recall(cue, k=3)` gave
            Competitors are seen only if k is above 1.
        used : bool or bool [cues]
            Whether somebody did something with the answer.
        grade : {2, 3, 4}
            How well it went, for FSRS.
        """
        if isinstance(answer, Recollection):
            ids, support, accepted = answer.ids, np.nan_to_num(answer.support), answer.accepted
        else:
            found = [answer] if isinstance(answer, Remembered) else list(answer)
            width = max((len(one.items) for one in found), default=0)
            ids, support = np.full((len(found), max(width, 1)), -1), np.zeros((len(found), max(width, 1)))
            for row, one in enumerate(found):
                ids[row, : len(one.items)] = [item.id for item in one.items]
                support[row, : len(one.items)] = [item.overlap for item in one.items]
            accepted = np.array([one.status == "ok" for one in found], np.bool_)
        counts = accepted & np.broadcast_to(np.asarray(used, np.bool_), accepted.shape) & (ids[:, 0] >= 0)
        rivals = (ids[:, 1:] >= 0) & (support[:, 1:] >= self.rivalry * support[:, :1]) & counts[:, None]
        return self.used(ids[counts, 0], rivals=ids[:, 1:][rivals], grade=grade)

    def used(self, ids: ArrayLike, *, success: ArrayLike = True, rivals: ArrayLike = (), grade: int = GOOD) -> Retrieved:  # fmt: skip
        """Count recalls of these memories; those that failed (success False) count as failures.

        Parameters
        ----------
        ids, success
            One for each recall, in the order in which they happened.
        rivals : array of int
            Competitors, once for each recall in which they came near.
        """
        wanted = np.atleast_1d(np.asarray(ids, np.int64))
        good = np.broadcast_to(np.asarray(success, np.bool_), wanted.shape)
        rows, columns = self._rows(wanted), self._columns
        for nth in range(int(np.bincount(rows).max(initial=0))):  # a memory recalled twice is used twice
            this = _nth(rows) == nth
            at = rows[this]
            columns["state"][at] = self.strength.used(columns["state"][at], self.now, good[this], grade)
        columns["uses"][:] += np.bincount(rows[good], minlength=self._ids.size)
        columns["last"][rows[good]] = self.now
        strong, weak = np.unique(wanted[good]), np.atleast_1d(np.asarray(rivals, np.int64))
        self._consolidate(strong)
        return Retrieved(strong, np.unique(weak), self._weaken(weak))

    def _consolidate(self, ids: np.ndarray) -> None:
        """The synapses of these memories become more lasting."""
        if not (ids.size and self.fading):
            return
        mine = np.isin(self._ids, ids)
        for part in self._held.members():
            for process in self.fading:
                if process.projection is part.edges.projection:
                    own = np.unique(part.edge[mine[part.row]])
                    process.use(part.edges[own[part.edges.weight[own] != 0.0]])

    def _weaken(self, ids: np.ndarray) -> int:
        """A share of the synapses that belong to each of these memories alone falls silent."""
        rows = self._rows(ids)
        if not rows.size or self.loss == 0.0:
            return 0
        self._rounds += 1
        lost, times = 0, np.bincount(rows, minlength=self._ids.size)
        for part in self._held.members():
            owners = np.bincount(part.edge, minlength=len(part.edges))
            p = part.edges.projection
            chance = p.chance(part.edges, p.network.key("retrieval-induced forgetting", p.name, self._rounds))
            keep = (1.0 - self.loss) ** times[part.row]
            falls = (owners[part.edge] == 1) & (chance[part.edge] >= keep) & (part.edges.weight[part.edge] != 0.0)
            lost += _silence(part, part.edge[falls])
        return lost

    # ---- forgetting -------------------------------------------------------------------------------------------------

    def plan(
        self, ids: ArrayLike | None = None, *, where: Callable[[Table], np.ndarray] | ArrayLike | None = None, budget_bytes: float | None = None,
        below: float | None = None, number: int | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Memories that would go, the least useful first; exactly one way to choose them.

        Parameters
        ----------
        ids : array of int
        where : f(table) -> bool [memories], or the mask
        budget_bytes : float
            As few of the least useful as needed so that synapses and lists of the store take at most so many bytes.
        below : float
            All of less usefulness.
        number : int
            So many of the least useful.
        """
        ways = {"ids": ids, "where": where, "budget_bytes": budget_bytes, "below": below, "number": number}
        given = [name for name, one in ways.items() if one is not None]
        if len(given) != 1:
            raise ParameterError(
                f"Forgetting.forget: say in one way what shall go ({', '.join(ways)}), got {', '.join(given) or 'none'}; "
                f"for example forgetting.forget(below=0.1)"
            )
        worth = self.usefulness()
        order = np.lexsort((self._ids, self._columns["last"], worth))
        if number is not None:
            return self._ids[order[: check_count("Forgetting.forget(number)", number)]]
        if budget_bytes is not None:
            budget = check_not_negative("Forgetting.forget(budget_bytes)", budget_bytes, "bytes")
            return self._ids[order[: self._needed(order, budget)]]
        if ids is not None:
            mask = np.zeros(self._ids.size, np.bool_)
            mask[self._rows(ids)] = True
        elif below is not None:
            mask = worth < check_not_negative("Forgetting.forget(below)", below)
        else:
            mask = np.asarray(where(self.table) if callable(where) else where)
            if mask.dtype != np.bool_ or mask.shape != self._ids.shape:
                raise ParameterError(
                    f"Forgetting.forget(where): must be a bool for each of the {self._ids.size} memories, got {mask.dtype} {mask.shape}; for "
                    f"example where=lambda table: table['uses'] == 0"
                )
        return self._ids[order[mask[order]]]

    @property
    def nbytes(self) -> int:
        """Bytes of the synapses of the store, and of the lists that it and this policy keep."""
        return self._synapse_bytes() + self._list_bytes()

    def _list_bytes(self) -> int:
        return int(self._held.nbytes + self._ids.nbytes + sum(a.nbytes for a in self._columns.values()))

    def _synapse_bytes(self) -> int:
        return int(sum(len(part.edges) * _size(part) for part in self._held.members()))

    def _needed(self, order: np.ndarray, budget: float) -> int:
        """How many of this order must go: a synapse goes with the last of its owners, a list entry with its memory."""
        self._held.net.compact()
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        freed = np.full(order.size, self._list_bytes() / max(order.size, 1))
        for part in self._held.members():
            freed += _size(part) * np.bincount(part.last(rank), minlength=order.size)
        excess = self.nbytes - budget
        if excess <= 0:
            return 0
        return min(int(np.searchsorted(np.cumsum(freed), excess - 1e-6)) + 1, order.size)

    def forget(
        self, ids: ArrayLike | None = None, *, where: Callable[[Table], np.ndarray] | ArrayLike | None = None, budget_bytes: float | None = None,
        below: float | None = None, number: int | None = None, mode: str = "delete", dry_run: bool = True, probes: int = 50,
        residue_check: bool = False, false_alarms: float = 0.01,
    ) -> Forgotten:  # fmt: skip
        """Forget memories: remove or silence the synapses that belong to nobody else.

        Parameters
        ----------
        ids, where, budget_bytes, below, number
            What shall go, as in `plan`.
        mode : {"delete", "silence"}
            Remove synapses, lists and counters and give the memory back; or set weights to 0, so that the memory cannot be recalled
            but is relearned more cheaply (`relearn`), and can be deleted later (``forget(where=lambda t: t["silenced"])``).
        dry_run : bool
            Only say what would happen.  The recall of the others is measured with the synapses silenced for a moment.
        probes : int
            How many of the others are cued before and after; 0: none.
        residue_check : bool
            Cue what was deleted again, with thresholds found anew.
        false_alarms : float
            Share of random cues that these let pass.

        Returns
        -------
        Forgotten
        """
        if mode not in MODES:
            raise ParameterError(f"Forgetting.forget(mode): must be {' or '.join(map(repr, MODES))}, got {mode!r}.{did_you_mean(mode, MODES)}")  # fmt: skip
        if residue_check and (mode != "delete" or dry_run):
            raise ParameterError(
                "Forgetting.forget(residue_check=True): needs mode='delete' and dry_run=False; silent synapses are meant to stay"
            )
        chosen = self.plan(ids, where=where, budget_bytes=budget_bytes, below=below, number=number)
        mine = np.isin(self._ids, chosen)
        others, reminders = self._probe_set(
            ~mine & ~self._columns["silenced"], check_count("Forgetting.forget(probes)", probes)
        )
        before = self._held.answers(reminders).quality if others.size else np.zeros(0)
        cues = self._held.cues(chosen) if residue_check and chosen.size else None
        if mode == "delete" and not dry_run:
            synapses, shared, size = self._delete(chosen)
            while (
                budget_bytes is not None and self.nbytes > budget_bytes and (more := self._further(budget_bytes)).size
            ):
                chosen = np.concatenate([chosen, more])
                synapses, shared, size = (
                    a + b for a, b in zip((synapses, shared, size), self._delete(more), strict=True)
                )
        else:
            synapses, shared, size = self._put_to_sleep(mine, mode)
        change = (self._held.answers(reminders).quality - before)[~np.isin(others, chosen)] if others.size else before
        if dry_run:
            self._wake_again()
        elif mode == "silence":
            self._columns["silenced"] |= mine
        residue = None if cues is None else self._residue(cues, false_alarms)
        return Forgotten(
            chosen,
            mode,
            bool(dry_run),
            synapses,
            shared,
            size,
            float(change.mean()) if change.size else np.nan,
            residue,
        )

    def _further(self, budget: float) -> np.ndarray:
        """Who must go too, since rows keep some room: at least the least useful one, if any is left."""
        order = np.lexsort((self._ids, self._columns["last"], self.usefulness()))
        return self._ids[order[: max(1, self._needed(order, budget))]]

    def _probe_set(self, may: np.ndarray, probes: int) -> tuple[np.ndarray, Any]:
        """Some of these memories, and what reminds of them."""
        some = self._ids[may]
        if some.size > probes:
            some = np.sort(self._held.net.rng("probes", self._held.net.step).choice(some, probes, replace=False))
        return some, self._held.cues(some) if some.size else None

    def _delete(self, ids: np.ndarray) -> tuple[int, int, int]:
        if not ids.size:
            return 0, 0, 0
        lists = self._list_bytes()
        freed = self._held.forget(ids)
        self._sync()
        if self._columns["silenced"].any():  # what only silenced memories still own is silent
            for part in self._held.members():
                _silence(part, np.flatnonzero(part.only(self._columns["silenced"], self._columns["silenced"])))
        return freed.synapses, freed.shared, freed.bytes + lists - self._list_bytes()

    def _put_to_sleep(self, mine: np.ndarray, mode: str) -> tuple[int, int, int]:
        """Silence what these memories alone own, and remember which synapses that were."""
        self._asleep: list[tuple[Members, np.ndarray, np.ndarray]] = []
        synapses = shared = 0
        size = 0.0
        for part in self._held.members():
            alone = part.only(mine) if mode == "delete" else part.only(mine, self._columns["silenced"])
            own = np.unique(part.edge[mine[part.row]])
            strong = np.flatnonzero(alone & (part.edges.weight != 0.0))
            self._asleep.append((part, strong, part.edges.weight[strong].copy()))
            _silence(part, strong)
            count = int(alone.sum()) if mode == "delete" else strong.size
            synapses, shared = synapses + count, shared + own.size - int(alone.sum())
            size += count * _size(part) if mode == "delete" else 0.0
        entry = self._list_bytes() / max(self._ids.size, 1)
        return synapses, shared, int(size + (mine.sum() * entry if mode == "delete" else 0))

    def _wake_again(self) -> None:
        for part, edge, weight in self._asleep:
            if edge.size:
                part.edges[edge].set_weight(weight)

    # ---- after it ---------------------------------------------------------------------------------------------------

    def _residue(self, cues: Any, false_alarms: float) -> Residue:
        answer = self._held.answers(cues, false_alarms)
        return Residue(
            answer.accepted.size, float(np.mean(answer.quality >= 0.5)), float(answer.accepted.mean()), false_alarms
        )

    def relearn(self, ids: ArrayLike, *patterns: Any) -> tuple[int, int]:
        """Show silenced memories again, with the patterns that `store` took: their silent synapses wake, missing ones grow.

        Returns
        -------
        woken, grown : int
            Synapses.
        """
        wanted = np.atleast_1d(np.asarray(ids, np.int64))
        rows = self._rows(wanted)
        mine = np.zeros(self._ids.size, np.bool_)
        mine[rows] = True

        def silent() -> list[tuple[Members, np.ndarray]]:
            parts = [(part, np.unique(part.edge[mine[part.row]])) for part in self._held.members()]
            return [(part, own[part.edges.weight[own] == 0.0]) for part, own in parts]

        woken = sum(edge.size for _, edge in silent())
        grown = self._held.show(wanted, patterns)
        for part, edge in silent():  # those that did not wake by firing together
            if edge.size:
                part.edges[edge].set_weight(part.edges.projection.default_weight)
        self._columns["silenced"][rows] = False
        self._columns["state"][rows] = self.strength.first(np.full(rows.size, self.now))
        self._columns["last"][rows] = self.now
        return woken, grown

    # ---- bookkeeping ------------------------------------------------------------------------------------------------

    def _sync(self) -> None:
        """Rows for memories that are new in the store, none for those that are gone."""
        ids = self._held.ids
        if np.array_equal(ids, self._ids):
            return
        kept = np.isin(self._ids, ids, assume_unique=True)
        new = ids[~np.isin(ids, self._ids, assume_unique=True)]
        now = np.full(new.size, self.now)
        fresh = {
            "stored": now, "last": now, "uses": np.zeros(new.size, np.int64), "value": self._held.value(new),
            "silenced": np.zeros(new.size, np.bool_), "state": self.strength.first(now).reshape(new.size, len(self.strength.columns)),
        }  # fmt: skip
        joined = np.concatenate([self._ids[kept], new])
        order = np.argsort(joined)
        self._ids = joined[order]
        self._columns = {k: np.concatenate([v[kept], fresh[k]])[order] for k, v in self._columns.items()}

    def _rows(self, ids: ArrayLike) -> np.ndarray:
        """Rows of these memories."""
        self._sync()
        wanted = np.atleast_1d(np.asarray(ids, np.int64))
        rows = np.minimum(np.searchsorted(self._ids, wanted), max(self._ids.size - 1, 0))
        unknown = wanted[self._ids[rows] != wanted] if self._ids.size else wanted
        if unknown.size:
            raise ParameterError(f"Forgetting: there is no memory of number {unknown[0]}; forgetting.ids lists them")
        return rows

    def arrays(self) -> dict[str, np.ndarray]:
        """Times and counters, as arrays."""
        self._sync()
        return {"ids": self._ids, "clock": np.array([self.skipped, self._rounds])} | self._columns

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        if arrays["state"].shape[1:] != (len(self.strength.columns),):
            raise ParameterError(
                f"Forgetting.set_arrays: saved with {arrays['state'].shape[1]} numbers a memory, {type(self.strength).__name__} keeps "
                f"{len(self.strength.columns)}; make it with the same strength=..."
            )
        self._ids = np.array(arrays["ids"])
        self._columns = {k: np.array(arrays[k]) for k in self._columns}
        self.skipped, self._rounds = float(arrays["clock"][0]), int(arrays["clock"][1])

    def __repr__(self) -> str:
        asleep = int(self._columns["silenced"].sum())
        return f"Forgetting({self._ids.size} memories, {asleep} silenced, {type(self.strength).__name__})"


def _size(part: Members) -> float:
    """Bytes of a synapse, with its share of the gaps between rows."""
    pool = part.edges.projection.pool
    return sum(column.nbytes for column in pool.columns) / max(1, pool.n_synapses)


def _silence(part: Members, edge: np.ndarray) -> int:
    """Weight 0 for these synapses; how many they are."""
    edge = np.unique(edge)
    if edge.size:
        part.edges[edge].set_weight(0.0)
    return int(edge.size)


def _nth(rows: np.ndarray) -> np.ndarray:
    """How many times each row has come before, int64 [rows]."""
    order = np.argsort(rows, kind="stable")
    start = np.searchsorted(rows[order], rows[order])
    nth = np.empty(rows.size, np.int64)
    nth[order] = np.arange(rows.size) - start
    return nth
