"""A stream of items longer than a store can hold: some are asked for again and again, the rest never; who is still known at the end?

Knows a store and a policy of forgetting, and drives both; the answers are spikes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.checks import check_count, did_you_mean
from neurosim.errors import ParameterError
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.belonging import jaccard
from neurosim.memory.forgetting import Forgetting
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, volleys
from neurosim.memory.strength import DAY
from neurosim.network import Network

POLICIES = ("useful", "lru", "random")
#: Lags of the five cues of a useful item, in items of the stream as a share of what a full store holds.
SOON = (0.05, 0.15, 0.35, 0.6, 0.9)
#: The same of items that are asked for early, and then not for longer than a store of the most recent ones remembers.
LATE = (0.05, 0.15, 0.35, 1.45, 1.75)


@dataclass(frozen=True)
class Stream:
    """Items in the order in which they come, and when they are asked for.

    Attributes
    ----------
    source, target : int64 [items, k]
        Patterns.
    useful, late : bool [items]
        Asked for; asked for late.
    cue : int64 [cues, 2]
        Item that has just come, and item that is asked for.
    capacity : int
        Items that fill a store.
    """

    source: np.ndarray
    target: np.ndarray
    useful: np.ndarray
    late: np.ndarray
    cue: np.ndarray
    capacity: int

    @classmethod
    def draw(cls, seed: int, capacity: int, n: int, k: int, *, length: float = 3.0, useful: float = 0.1) -> Stream:
        """Random patterns; any item may be useful; every other of those that come early enough is asked for late."""
        rng = np.random.default_rng([seed, capacity, n, k])
        items = round(length * capacity)
        source, target = (np.sort(np.argsort(rng.random((items, n)), axis=1)[:, :k], axis=1) for _ in range(2))
        wanted = np.zeros(items, np.bool_)
        wanted[rng.permutation(items)[: round(useful * items)]] = True
        late, early = (
            np.zeros(items, np.bool_),
            np.flatnonzero(wanted[: max(0, items - round((LATE[-1] + 0.05) * capacity))]),
        )
        late[early[::2]] = True
        cues = [np.zeros((0, 2), np.int64)]
        for chosen, lags in ((wanted & ~late, SOON), (late, LATE)):
            item = np.repeat(np.flatnonzero(chosen), len(lags))
            lag = np.tile(np.round(np.array(lags) * capacity).astype(np.int64), int(chosen.sum()))
            cues.append(np.stack([item + lag, item], axis=1))
        cue = np.concatenate(cues)
        return cls(source, target, wanted, late, cue[cue[:, 0] < items], capacity)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def kinds(self) -> dict[str, np.ndarray]:
        """Which items are never asked for, which soon after they came, and which late, bool [items] each."""
        soon = self.useful & ~self.late
        return {"useless": ~self.useful, "useful, asked for soon": soon, "useful, asked for late": self.late}


@dataclass(frozen=True)
class Outcome:
    """What a stream left behind.

    Attributes
    ----------
    useful, useless, late : float
        Share of the items recalled at the end, by cues, with rejection.
    late_cues : float
        Share of right answers to the late cues, while the stream ran.
    precision : float
        Share of right ones among accepted answers, at the end.
    fill : float64 [batches]
        After each batch, before room is made.
    nbytes : int64 [batches]
        Network and lists, after room was made and the network compacted.
    full : int
        First batch after which something was forgotten.
    forgotten : int
        Memories.
    known : bool [items]
        Whether each item was recalled at the end.
    """

    useful: float
    useless: float
    late: float
    late_cues: float
    precision: float
    fill: np.ndarray
    nbytes: np.ndarray
    full: int
    forgotten: int
    known: np.ndarray

    @property
    def flat(self) -> float:
        """Range of the bytes after the store was full, over their mean."""
        steady = self.nbytes[self.full :]
        return float((steady.max() - steady.min()) / steady.mean()) if steady.size else 0.0

    def figures(self) -> dict[str, float]:
        """The shares, the range of the bytes, the number of the forgotten and the largest fill, by name."""
        names = ("useful", "useless", "late", "late_cues", "precision", "flat", "forgotten")
        return {name: float(getattr(self, name)) for name in names} | {"max_fill": float(self.fill.max())}

    def __str__(self) -> str:
        return (
            f"useful {self.useful:.2f}, late ones {self.late:.2f}, useless {self.useless:.2f}, precision {self.precision:.2f}, "
            f"fill at most {self.fill.max():.2f}, bytes within {self.flat:.1%}"
        )


def associative_store(seed: int, n: int = 1024, k: int = 20) -> tuple[AssociativeStore, int]:
    """A store of pairs, and how many fill it to 0.4."""
    net = Network(dt=1.0, seed=seed)
    store = AssociativeStore(net, Layer(net, "question", n, k), Layer(net, "answer", n, k), max_fill=0.4)
    return store, round(np.log(0.6) / np.log1p(-((k / n) ** 2)))


def index_store(seed: int, n: int = 1024, k: int = 20, cells: int = 1024) -> tuple[IndexStore, int]:
    """A store with an index cell for each pair, and how many are 0.4 of the cells."""
    net = Network(dt=1.0, seed=seed)
    store = IndexStore(net, {"what": Layer(net, "question", n, k)}, {"what": Layer(net, "answer", n, k)}, n=cells)
    return store, round(0.4 * cells)


class StreamRun:
    """A store that lives through a stream and keeps itself at `level` of what it can hold.

    Parameters
    ----------
    store : AssociativeStore or IndexStore
    stream : Stream
    policy : {"useful", "lru", "random"}
        Who goes: the least useful (`Forgetting`), the least recently stored or used, anybody.
    level : float
        Share of the capacity at which the store is kept.
    batch : int
        Items that come between two looks.
    days : float
        Days that the stream lasts.
    """

    def __init__(
        self, store: AssociativeStore | IndexStore, stream: Stream, policy: str = "useful", *, level: float = 0.8, batch: int = 20,
        days: float = 80.0,
    ) -> None:  # fmt: skip
        if policy not in POLICIES:
            raise ParameterError(
                f"StreamRun(policy): must be one of {POLICIES}, got {policy!r}.{did_you_mean(policy, POLICIES)}"
            )
        self.store, self.stream, self.policy, self.level = store, stream, policy, level
        self.batch = check_count("StreamRun.batch", batch, least=1)
        self.forgetting = Forgetting(store)
        self.pause = days * DAY / len(stream)
        self.number = np.full(len(stream), -1)  # of each item in the store
        self.forgotten = 0
        self._rng = store.net.rng("stream")

    def run(self, progress: Callable[[int], None] | None = None) -> Outcome:
        """Let everything come; then ask for everything."""
        stream, fill, size, full, late = self.stream, [], [], None, []
        for nth, first in enumerate(range(0, len(stream), self.batch)):
            items = np.arange(first, min(first + self.batch, len(stream)))
            self.number[items] = self.store.store(stream.source[items], stream.target[items])
            self.forgetting.elapse(self.pause * items.size)
            due = stream.cue[(stream.cue[:, 0] >= items[0]) & (stream.cue[:, 0] <= items[-1])]
            right = self._ask(due[:, 1])
            late.append(right[stream.late[due[:, 1]] & (due[:, 0] - due[:, 1] > stream.capacity)])
            fill.append(self.store.fill)
            if self._make_room() and full is None:
                full = nth
            size.append(self.store.net.estimate()["bytes"] + self.forgetting._list_bytes())
            if progress is not None:
                progress(first + items.size)
        return self._outcome(np.array(fill), np.array(size), len(size) if full is None else full, np.concatenate(late))

    def _ask(self, items: np.ndarray) -> np.ndarray:
        """Cue items; right answers are used, and counted.  Whether each was right, bool [items]."""
        if not items.size:
            return np.zeros(0, np.bool_)
        right = self._right(items, reject=False)[0]
        alive = np.isin(self.number[items], self.store.ids)
        self.forgetting.used(self.number[items[right & alive]])
        return right

    def _right(self, items: np.ndarray, *, reject: bool) -> tuple[np.ndarray, np.ndarray]:
        """Whether the pattern of each item came back, and whether anything was accepted."""
        answer = self.store.recall(self.stream.source[items], reject=reject)
        back = answer.winners if hasattr(answer, "winners") else answer.values["what"]
        same = jaccard(back, volleys("stream", self.stream.target[items], back.n)) >= 0.9
        return same & answer.accepted, answer.accepted

    def _make_room(self) -> int:
        store, held = self.store, self.store.ids.size
        used = store.capacity_used if isinstance(store, AssociativeStore) else held / self.stream.capacity
        number = int(np.ceil(held * (1.0 - self.level / used) - 1e-9)) if used > self.level else 0
        if number:
            self.forgetting.forget(**self._victims(number), dry_run=False, probes=0)
            self.forgotten += number
        return number

    def _victims(self, number: int) -> dict[str, Any]:
        if self.policy == "useful":
            return {"number": number}
        table = self.forgetting.table
        if self.policy == "lru":
            return {"ids": table["id"][np.lexsort((table["id"], table["last"]))[:number]]}
        return {"ids": self._rng.choice(table["id"], number, replace=False)}

    def _outcome(self, fill: np.ndarray, size: np.ndarray, full: int, late: np.ndarray) -> Outcome:
        stream = self.stream
        if isinstance(self.store, AssociativeStore):
            self.store.calibrate(0.01, cues=250)
        else:
            self.store.calibrate(0.01, size={"what": stream.source.shape[1]}, cues=250)
        right, accepted = self._right(np.arange(len(stream)), reject=True)
        return Outcome(
            useful=_mean(right[stream.useful]), useless=_mean(right[~stream.useful]), late=_mean(right[stream.late]), late_cues=_mean(late),
            precision=_mean(right[accepted]), fill=fill, nbytes=size, full=full, forgotten=self.forgotten, known=right,
        )  # fmt: skip


def _mean(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else float("nan")
