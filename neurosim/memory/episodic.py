"""Episodic memory: one-shot engrams on index cells, recalled by parts, by context and under attention, or not at all.

Knows a content layer, an index store and, if wanted, a hippocampus and a context layer.  What fires decides; this file keeps
labels, tags, times and counters, and says which fibres are driven and which gates shut.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_number, check_positive, check_probability, did_you_mean
from neurosim.errors import ParameterError
from neurosim.memory.associative import Freed, Patterns
from neurosim.memory.attention import Attention
from neurosim.memory.engram import Engram, Item, Remembered
from neurosim.memory.failures import CapacityFull
from neurosim.memory.hippocampus import Hippocampus
from neurosim.memory.indexed import IndexStore, Recollection
from neurosim.memory.layer import LOOP, Layer, Volleys, volleys

if TYPE_CHECKING:
    from neurosim.network import Network

FULL = ("refuse", "grow")
Cue = Mapping[str, ArrayLike] | ArrayLike


class EpisodicMemory:
    """Memories stored at one presentation and recalled by a part of them, each on an index cell of its own.

    Parameters
    ----------
    net : Network
    content : Layer
        Cells in which patterns are shown and recalled.
    n : int
        Index cells, and so memories.
    context : Layer, optional
        A second field of keys: what else was active (see `TemporalContext`).
    hippocampus : Hippocampus, optional
        Then keys are its codes in CA3: similar patterns are separated when stored, and cues completed when recalled.
    regions : dict of str to places, optional
        Which places of the content belong to which region (slice or array of int).
    same : float
        Share of a pattern from which on a stored memory is the same: it is strengthened, not stored twice.
    full : {"refuse", "grow"} or callable
        What to do when there are too few free index cells: raise `CapacityFull`, add cells, or call f(number) that makes room.
    false_alarms : float
        Share of random cues that may be taken for known; thresholds are found when they are needed, by letting random cues
        fire.
    name : str
        Of the index cells.

    Attributes
    ----------
    index : IndexStore
    engrams : dict of int to Engram
        In the order in which they were stored.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> memory = ns.memory.EpisodicMemory(net, ns.memory.Layer(net, "content", 200, 10), n=50)
    >>> engram = memory.store(range(0, 100, 10), label="tens")
    >>> memory.recall([0, 10, 20, 30, 40, 50]).best.label
    'tens'
    >>> memory.recall([1, 2, 3, 4, 5, 6]).status
    'no_memory'
    """

    def __init__(
        self, net: Network, content: Layer, *, n: int = 1024, context: Layer | None = None, hippocampus: Hippocampus | None = None,
        regions: Mapping[str, slice | ArrayLike] | None = None, same: float = 0.9, full: str | Callable[[int], Any] = "refuse",
        false_alarms: float = 0.01, name: str = "episodic",
    ) -> None:  # fmt: skip
        self._begin(net, content, context, hippocampus, regions, same, full, false_alarms, name)
        self.index = IndexStore(net, self._keys(), {"what": content}, n=n, name=name)

    def _begin(
        self, net: Network, content: Layer, context: Layer | None, hippocampus: Hippocampus | None,
        regions: Mapping[str, slice | ArrayLike] | None, same: float, full: str | Callable[[int], Any], false_alarms: float, name: str,
    ) -> None:  # fmt: skip
        self.net, self.content, self.context, self.hippocampus, self.name = net, content, context, hippocampus, name
        places = np.arange(content.n)
        self.regions = {
            r: places[s] if isinstance(s, slice) else np.asarray(s, np.int64) for r, s in (regions or {}).items()
        }
        self.same = check_positive(f"{name}.same", check_probability(f"{name}.same", same))
        if not callable(full) and full not in FULL:
            raise ParameterError(
                f"{name}.full: must be {' or '.join(map(repr, FULL))} or a function, got {full!r}.{did_you_mean(full, FULL)}"
            )
        self.full = full
        self.false_alarms = check_positive(
            f"{name}.false_alarms", check_probability(f"{name}.false_alarms", false_alarms)
        )
        self.engrams: dict[int, Engram] = {}
        self._codes: dict[int, np.ndarray] = {}  # numbers by which the hippocampus knows each engram

    def _keys(self) -> dict[str, Layer]:
        what = self.content if self.hippocampus is None else self.hippocampus.ca3
        return {"what": what} | ({} if self.context is None else {"context": self.context})

    @classmethod
    def attach(
        cls, net: Network, content: Layer, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], *,
        context: Layer | None = None, hippocampus: Hippocampus | None = None, regions: Mapping[str, slice | ArrayLike] | None = None,
        full: str | Callable[[int], Any] = "refuse", name: str = "episodic",
    ) -> EpisodicMemory:  # fmt: skip
        """The memory of this name in a network that was loaded; `state` and `arrays` as `describe` and `arrays` gave them."""
        memory = cls.__new__(cls)
        memory._begin(net, content, context, hippocampus, regions, state["same"], full, state["false_alarms"], name)
        memory.index = IndexStore.attach(net, memory._keys(), {"what": content}, name=name, arrays=arrays)
        for entry in state["engrams"]:
            entry = dict(entry) | {"tags": tuple(entry["tags"])}
            memory.engrams[entry["id"]] = Engram(**entry, store=memory.index)
        memory._codes = {int(r[0]): np.array(r[1:]) for r in arrays["codes"]}
        return memory

    def __len__(self) -> int:
        return len(self.engrams)

    @property
    def fill(self) -> float:
        """Share of what can be used: of the index cells, and of the synapses of the hippocampus below its limit."""
        mine = self.index.fill
        if self.hippocampus is None:
            return mine
        return max(mine, self.hippocampus.cued.capacity_used, self.hippocampus.recurrent.capacity_used)

    # ---- patterns ---------------------------------------------------------------------------------------------------

    def places(self, pattern: Cue) -> np.ndarray:
        """Places in the content of a pattern: places, a bool mask, or a dict of region to either of these within the region."""
        if not isinstance(pattern, Mapping):
            return volleys(f"{self.name}: pattern", np.asarray(pattern)[None], self.content.n).place
        parts = []
        for region, part in pattern.items():
            inside = self._region(region)
            parts.append(
                inside[volleys(f"{self.name}: pattern[{region!r}]", np.asarray(part)[None], inside.size).place]
            )
        return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))

    def by_region(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """The same pattern region by region, places within each."""
        return {r: np.flatnonzero(np.isin(inside, places)) for r, inside in self.regions.items()}

    def _region(self, region: str) -> np.ndarray:
        if region not in self.regions:
            raise ParameterError(
                f"{self.name}: there is no region {region!r}; regions are {', '.join(map(repr, self.regions)) or 'none'}."
                f"{did_you_mean(region, self.regions)}"
            )
        return self.regions[region]

    # ---- storing ----------------------------------------------------------------------------------------------------

    def store(
        self, pattern: Cue, *, context: ArrayLike | None = None, label: Hashable = None, tags: Iterable[Hashable] = (),
        value: float = 1.0,
    ) -> Engram:  # fmt: skip
        """Store a pattern at once, or strengthen the memory that is the same already.

        Parameters
        ----------
        pattern : places, bool mask [content], or dict of region to either
        context : places of the context layer, optional
        label : hashable, optional
            Only a name: what an answer is called.
        tags : iterable of hashables
            Attention can ask for them.
        value : float
            What it is worth, at least 0.

        Returns
        -------
        Engram

        Raises
        ------
        CapacityFull
            With full="refuse", before anything is stored.
        """
        contexts = None if context is None else [np.asarray(context)]
        return self.store_many([pattern], contexts=contexts, labels=[label], tags=[tags], values=[value])[0]

    def store_many(
        self, patterns: Sequence[Cue] | np.ndarray, *, contexts: Patterns | None = None, labels: Sequence[Hashable] | None = None,
        tags: Sequence[Iterable[Hashable]] | None = None, values: ArrayLike = 1.0,
    ) -> list[Engram]:  # fmt: skip
        """As `store`, for many patterns in a few runs."""
        shown = self._volleys(patterns)
        number = len(shown)
        if not shown.sizes.all():
            raise ParameterError(
                f"{self.name}.store: pattern {int(np.argmin(shown.sizes))} has no cells; nothing to store"
            )
        told = None if contexts is None else self._contexts(contexts, number)
        notes = self._notes(number, labels, tags, values)
        alike = _alike(shown, self.same)
        groups = [
            np.flatnonzero(~alike),
            *np.flatnonzero(alike)[:, None],
        ]  # the second of two equal ones must meet the first
        made: dict[int, Engram] = {}
        for rows in groups:
            part = None if told is None else told.take(rows)
            kept = self._keep(shown.take(rows), part, [notes[i] for i in rows])
            made |= dict(zip(rows.tolist(), kept, strict=True))
        return [made[i] for i in range(number)]

    def _keep(self, shown: Volleys, told: Volleys | None, notes: list[dict[str, Any]]) -> list[Engram]:
        """Compare with what is there, strengthen what is the same, store the rest."""
        nearest, overlap = self.nearest(shown)
        known = overlap >= self.same
        new = np.flatnonzero(~known)
        self._make_room(new.size)
        made: dict[int, Engram] = {}
        if new.size:
            keys, numbers = self._encode(shown.take(new), None if told is None else told.take(new))
            ids = self.index.store(keys, {"what": shown.take(new)})
            for row, k, code in zip(new.tolist(), ids.tolist(), numbers, strict=True):
                now = self.net.now
                engram = Engram(k, **notes[row], stored=now, last=now, store=self.index)
                engram.overlap, engram.nearest = float(overlap[row]), int(nearest[row])
                self.engrams[k] = made[row] = engram
                self._codes[k] = code
            for k, count in zip(ids.tolist(), self.counts(ids).tolist(), strict=True):
                self.engrams[k].born_with = count
        for row in np.flatnonzero(known).tolist():
            made[row] = self._again(int(nearest[row]), float(overlap[row]), notes[row])
        return [made[i] for i in range(len(shown))]

    def _again(self, k: int, overlap: float, note: dict[str, Any]) -> Engram:
        """The same thing once more: its cells fire together again, and what it had lost grows back."""
        engram, value = self.engrams[k], self.index.read(k)
        keys: dict[str, Any] = dict(value)
        if self.hippocampus is not None:
            keys = {"what": self.hippocampus.complete(value["what"]).codes}
        if keys["what"].sizes[0]:
            self.index.strengthen(k, {"what": keys["what"]}, value)
        engram.status, engram.overlap, engram.nearest, engram.last = "strengthened", overlap, k, self.net.now
        engram.value = max(engram.value, note["value"])
        engram.tags = tuple(dict.fromkeys((*engram.tags, *note["tags"])))
        engram.label = engram.label if engram.label is not None else note["label"]
        return engram

    def nearest(self, patterns: Patterns) -> tuple[np.ndarray, np.ndarray]:
        """Number of the memory nearest to each pattern (-1 for none), and the share of its cells that speak for it."""
        shown = volleys(f"{self.name}.nearest(patterns)", patterns, self.content.n)
        if not self.engrams:
            return np.full(len(shown), -1), np.zeros(len(shown))
        codes = shown if self.hippocampus is None else self.hippocampus.complete(shown).codes
        found = self.index.recall({"what": codes}, read=False)
        share = np.nan_to_num(found.support[:, 0]) / np.maximum(codes.sizes, 1)
        if self.hippocampus is not None:  # a code says which memory it is, its value how much of the pattern that was
            there = np.flatnonzero(found.ids[:, 0] >= 0)
            values = self.index.read(found.ids[there, 0])["what"] if there.size else None
            share = np.zeros(len(shown))
            for row, place in zip(there.tolist(), values or (), strict=True):
                share[row] = np.isin(shown[row], place).mean()
        return found.ids[:, 0], share

    def _encode(self, shown: Volleys, told: Volleys | None) -> tuple[dict[str, Volleys], np.ndarray]:
        """Key patterns, and the numbers by which the hippocampus knows them."""
        numbers = np.zeros((len(shown), 2), np.int64)
        keys = {"what": shown}
        if self.hippocampus is not None:
            stored = self.hippocampus.store(shown)
            keys, numbers = {"what": stored.codes}, stored.numbers
        return keys | ({} if told is None else {"context": told}), numbers

    def _make_room(self, number: int) -> None:
        lacking = number - self.index.free
        if lacking <= 0 or self.full == "refuse":
            return  # the store refuses by itself, before any damage
        if self.full == "grow":
            self.index.grow(max(lacking, self.index.n // 4))
        elif callable(self.full):
            self.full(lacking)
            if self.index.free < number:
                raise CapacityFull(
                    f"{self.name}.full: {self.full!r} was asked to make room for {lacking} more memories and left {self.index.free} free cells "
                    f"for {number}; nothing was stored. It must forget at least as many, or use full='grow'",
                    fill=(len(self) + number) / self.index.n, max_fill=1.0,
                )  # fmt: skip

    def _notes(
        self,
        number: int,
        labels: Sequence[Hashable] | None,
        tags: Sequence[Iterable[Hashable]] | None,
        values: ArrayLike,
    ) -> list[dict[str, Any]]:
        worth = np.broadcast_to(np.asarray(values, np.float64), number)
        for i in np.flatnonzero(~(worth >= 0))[:1].tolist():
            raise ParameterError(f"{self.name}.store(value): must be at least 0, got {worth[i]!r}")
        for name, given in (("labels", labels), ("tags", tags)):
            if given is not None and len(given) != number:
                raise ParameterError(f"{self.name}.store({name}): {len(given)} for {number} patterns; one for each")
        return [
            {
                "label": None if labels is None else labels[i], "tags": () if tags is None else tuple(tags[i]),
                "value": check_number(f"{self.name}.store(value)", float(worth[i])),
            }
            for i in range(number)
        ]  # fmt: skip

    def _volleys(self, patterns: Sequence[Cue] | np.ndarray) -> Volleys:
        if isinstance(patterns, Volleys | np.ndarray):
            return volleys(f"{self.name}: patterns", patterns, self.content.n)
        return volleys(f"{self.name}: patterns", [self.places(p) for p in patterns], self.content.n)

    def _contexts(self, contexts: Patterns, number: int) -> Volleys:
        if self.context is None:
            raise ParameterError(
                f"{self.name}: a context is given, but this memory has no context layer; EpisodicMemory(net, content, context=layer)"
            )
        shown = volleys(f"{self.name}: contexts", contexts, self.context.n)
        if len(shown) != number:
            raise ParameterError(f"{self.name}: {len(shown)} contexts for {number} patterns; one for each")
        return shown

    def counts(self, ids: np.ndarray) -> np.ndarray:
        """Key and value synapses of each memory that are not silent, int64 [ids]."""
        uid = self.index.index.uid[self.index.cell(ids)]
        order = np.argsort(uid)
        total = np.zeros(ids.size, np.int64)
        for p in (*self.index.key.values(), *self.index.value.values()):
            edges = p.edges()
            ends = (edges.post if p.target is self.index.index.cells else edges.pre)[edges.weight > 0]
            at = np.searchsorted(uid[order], ends)
            mine = (at < ids.size) & (uid[order][np.minimum(at, ids.size - 1)] == ends) if ids.size else at < 0
            total[order] += np.bincount(at[mine], minlength=ids.size)
        return total

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(
        self,
        cue: Cue,
        k: int = 1,
        *,
        attention: Attention | None = None,
        context: ArrayLike | None = None,
        reject: bool = True,
    ) -> Remembered:
        """Let a cue fire and see who answers.

        Parameters
        ----------
        cue : places, bool mask [content], or dict of region to either
        k : int
            How many memories may answer.
        attention : Attention, optional
        context : places of the context layer, optional
        reject : bool
            Whether a memory must pass the threshold that few random cues (`false_alarms`) pass; it is found when needed.

        Returns
        -------
        Remembered
            Also when nothing is found: its status then is "no_memory" or "timeout".
        """
        contexts = None if context is None else [np.asarray(context)]
        return self.recall_many([cue], k, attention=attention, contexts=contexts, reject=reject)[0]

    def recall_many(
        self, cues: Sequence[Cue] | np.ndarray, k: int = 1, *, attention: Attention | None = None, contexts: Patterns | None = None,
        reject: bool = True,
    ) -> list[Remembered]:  # fmt: skip
        """As `recall`, for many cues in a few runs."""
        look = attention or Attention()
        shown, among = self._attended(self._volleys(cues), look)
        told = None if contexts is None else self._contexts(contexts, len(shown))
        if not self.engrams:
            return [Remembered("no_memory", (), np.zeros(0, np.int64), np.nan, 0.0)] * len(shown)
        fields, options = self._asked(shown, told, among, reject)
        mask = self._mask(look)
        bar = 1.0
        if look.budget is not None:
            most = float(np.max(sum((v.sizes for v in fields.values()), np.zeros(len(shown), np.int64)), initial=0))
            bar = max(1.0, most - np.floor(look.budget / (LOOP * self.net.dt)) / look.gain)
        found = self.index.recall(
            fields, k=k, mask=mask, rise=1.0 / look.gain, least=bar, blend=look.blend, **options
        )  # fmt: skip
        return self._answers(found, shown, fields, look, bar)

    def _asked(
        self, shown: Volleys, told: Volleys | None, among: dict[str, np.ndarray] | None, reject: bool
    ) -> tuple[dict[str, Volleys], dict[str, Any]]:
        """Fields to drive; and thresholds for them, found now where they are missing."""
        if self.hippocampus is not None:
            area = self.hippocampus
            for size in np.unique(shown.sizes[shown.sizes > 0]).tolist() if reject else ():
                if not area.cued.calibrated(size, clamp=False):
                    area.cued.calibrate(self.false_alarms, size=size)
            made = area.complete(shown, reject=reject)
            self._gate = made
            kept = made.codes.dense() & made.accepted[:, None]  # what the first race refused does not go on
            fields = {"what": volleys("codes", kept, area.ca3.n)} | ({} if told is None else {"context": told})
            return fields, {}
        fields = {"what": shown} | ({} if told is None else {"context": told})
        if reject:
            sizes = np.stack([v.sizes for v in fields.values()], axis=1)
            for row in np.unique(sizes, axis=0).tolist():
                size = dict(zip(fields, row, strict=True))
                if any(row) and not self.index.calibrated(size, among):
                    self.index.calibrate(self.false_alarms, size=size, cues=250, among=among)
        return fields, {"reject": reject, "among": among}

    def _attended(self, shown: Volleys, look: Attention) -> tuple[Volleys, dict[str, np.ndarray] | None]:
        """The cells of the cues that lie in the regions attended to, and where such cues come from."""
        if look.regions is None:
            return shown, None
        inside = np.unique(np.concatenate([self._region(r) for r in look.regions]))
        kept = np.isin(shown.place, inside)
        part = Volleys(shown.which[kept], shown.place[kept], len(shown), shown.n)
        return part, {"what": inside}

    def _mask(self, look: Attention) -> np.ndarray | None:
        """Which memories may answer, in the order of `index.ids`."""
        if look.since is None and look.until is None and not look.wanted:
            return None
        early, late = (
            look.since if look.since is not None else -np.inf,
            look.until if look.until is not None else np.inf,
        )
        chosen = [self.engrams[k] for k in self.index.ids.tolist()]
        return np.array(
            [early <= e.last and e.stored <= late and set(look.wanted) <= set(e.tags) for e in chosen], bool
        )

    def _answers(
        self, found: Recollection, shown: Volleys, fields: dict[str, Volleys], look: Attention, bar: float
    ) -> list[Remembered]:
        total = np.asarray(sum(v.sizes for v in fields.values()))
        rest = found.ids[:, 1:]
        others = iter(self.index.read(rest[rest >= 0])["what"] if (rest >= 0).any() else ())
        answers = []
        for m, value in enumerate(found.values["what"]):
            theta, rate = self._threshold(found, m)
            items = []
            for rank, k in enumerate(found.ids[m].tolist()):
                if k >= 0:
                    pattern = value if rank == 0 and not look.blend else next(others) if rank else self._alone(k)
                    share = float(found.support[m, rank] / max(total[m], 1))
                    least = 1.0 if np.isnan(theta) or self.hippocampus is not None else theta
                    sure = (found.support[m, rank] - least + 1.0) / max(total[m] - least + 1.0, 1.0)
                    items.append(
                        Item(
                            k,
                            self.engrams[k].label,
                            pattern,
                            share,
                            float(sure),
                            float(found.latency[m, rank]),
                            "episodic",
                        )
                    )
            status = _status(found, m, look, bar, theta)
            answers.append(Remembered(status, tuple(items), np.asarray(value), theta, rate))
        return answers

    def _alone(self, k: int) -> np.ndarray:
        return self.index.read(k)["what"][0]

    def _threshold(self, found: Recollection, m: int) -> tuple[float, float]:
        if self.hippocampus is not None:
            return self._gate.theta, self._gate.false_alarm_rate
        return float(found.theta[m]), float(found.false_alarm_rate[m])

    def use(self, answer: Remembered) -> None:
        """Say that an answer was of use: only then does a recall count for its memory."""
        best = answer.best
        if answer and best is not None and best.id in self.engrams:
            engram = self.engrams[best.id]
            engram.uses, engram.last = engram.uses + 1, self.net.now

    # ---- forgetting, saving -----------------------------------------------------------------------------------------

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove these memories: their synapses, and of the hippocampus those that no other memory needs."""
        wanted = np.unique(np.atleast_1d(np.asarray(ids)))
        freed = [self.index.forget(wanted)]
        if self.hippocampus is not None:
            freed.append(self.hippocampus.forget(np.stack([self._codes[k] for k in wanted.tolist()])))
        for k in wanted.tolist():
            del self.engrams[k], self._codes[k]
        return Freed(*(sum(getattr(f, a) for f in freed) for a in ("synapses", "shared", "bytes")))

    def describe(self) -> dict[str, Any]:
        """What Python keeps, as JSON values."""
        names = ("id", "label", "tags", "value", "stored", "last", "uses", "status", "overlap", "nearest", "born_with")
        engrams = [{n: getattr(e, n) for n in names} for e in self.engrams.values()]
        return {"same": self.same, "false_alarms": self.false_alarms, "engrams": engrams}

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python keeps, as arrays."""
        rows = [[k, *code] for k, code in self._codes.items()]
        return self.index.arrays() | {"codes": np.array(rows, np.int64).reshape(-1, 3)}

    def __repr__(self) -> str:
        return f"EpisodicMemory({self.name!r}: {len(self)} memories, {self.fill:.0%} full, {self.index.synapses:,} synapses)"


def _status(found: Recollection, m: int, look: Attention, bar: float, theta: float) -> str:
    """What an answer is called."""
    if not found.accepted[m]:
        return "timeout" if look.budget is not None and bar > (1.0 if np.isnan(theta) else theta) else "no_memory"
    sharp = look.gain == 1.0 and not look.blend
    several = found.ids.shape[1] > 1
    equal = found.support[m, 0] == found.support[m, 1] if several else found.tied[m]
    return "ambiguous" if sharp and equal else "ok"


def _alike(shown: Volleys, same: float) -> np.ndarray:
    """Whether each pattern shares so much with an earlier one of the same list, bool [patterns]."""
    if len(shown) < 2:
        return np.zeros(len(shown), np.bool_)
    dense = shown.dense().astype(np.float32)
    share = (dense @ dense.T) / np.maximum(shown.sizes, 1)[:, None]
    return np.asarray((np.tril(share, -1) >= same).any(1))
