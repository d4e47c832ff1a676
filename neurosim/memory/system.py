"""The whole: regions of a live network, what they hold now, what they lived through, and what they have come to know.

Knows the parts and passes things between them; each part does its own work in spikes and synapses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_not_negative, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.memory import saving, system_state
from neurosim.memory.account import MemoryStats, account
from neurosim.memory.attention import Attention
from neurosim.memory.consolidation import Consolidation, SleepReport
from neurosim.memory.context import TemporalContext
from neurosim.memory.engram import Engram, Item, Remembered
from neurosim.memory.episodic import Cue, EpisodicMemory
from neurosim.memory.failures import NotCalibrated
from neurosim.memory.forgetting import Forgetting, Forgotten
from neurosim.memory.graded import slow_store
from neurosim.memory.hippocampus import Hippocampus
from neurosim.memory.layer import Layer, Volleys
from neurosim.memory.longterm import LongTermMemory
from neurosim.memory.senses import Senses
from neurosim.memory.slots import SlotMemory, Slots
from neurosim.memory.strength import Strength
from neurosim.memory.transplant import Transplanted, carry
from neurosim.population import Population, Region

if TYPE_CHECKING:
    from neurosim.network import Network


class System:
    """Working, episodic and long-term memory for regions of a live network.

    The content layer has one cell for each neuron of the regions, which hears that neuron alone, through a synapse that is open
    only while the system looks.  Episodes are stored at one presentation on index cells of their own (`episodic`), with
    the context of their time; replays in sleep teach the slow synapses within the content layer (`longterm`); slots keep what is
    needed now (`working`).

    Parameters
    ----------
    net : Network
    regions : Population, list of populations, or dict of name to population or int
        Whose activity is remembered.  A number instead of a population: content cells that nothing drives but cues.
    active : float
        Share of the cells of a region that a pattern has; sets how many content cells win a race.
    n : int
        Index cells, and so episodes.
    items : int
        Slots of working memory; 0 for none.
    context : int
        Cells of the temporal context; 0 for none.
    hippocampus : bool or dict
        Keys are separated and completed codes of CA3 instead of the content itself; a dict gives the options of `Hippocampus`.
    longterm : dict, optional
        {"synapse": "binary", "tagging" or "benna_fusi"} with the options of `LongTermMemory`, such as {"p_learn": 0.05}, or of
        the graded stores.
    full : {"refuse", "forget", "grow"}
        What happens when there are no more free index cells: `CapacityFull`, the least useful episodes are forgotten, or
        index cells are added.
    same, false_alarms : float
        As in `EpisodicMemory`.
    drive : float or dict of region to float, optional
        Weight of the synapses by which `reinstate` makes the neurons of a region fire, in the unit of their model.
    strength : policy, optional
        How the retrievability of a memory falls with time and rises with use: `Fsrs()` (default), `ActR()`, `PowerLaw()`.
    name : str
        Prefix of all names.

    Attributes
    ----------
    content : Layer
    episodic : EpisodicMemory
    longterm : LongTermMemory, or a graded store
    working : SlotMemory or None
    context : TemporalContext or None
    consolidation : Consolidation
    forgetting : Forgetting
    known : dict of int to hashable
        Labels of all that was ever stored, also of what only the slow store still knows.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> mem = ns.memory.System(net, {"vision": 150, "language": 150}, n=50, active=0.04)
    >>> e = mem.store({"vision": [3, 30, 60, 90, 120, 149], "language": [1, 2, 40, 80, 99, 148]}, label="cat")
    >>> answer = mem.recall({"vision": [3, 30, 60, 90, 120]})
    >>> answer.status, answer.best.label, mem.by_region(answer.pattern)["language"]
    ('ok', 'cat', array([  1,   2,  40,  80,  99, 148]))
    """

    def __init__(
        self, net: Network, regions: Sequence[Any] | Mapping[str, Any] | Population | Region, *, active: float = 0.02, n: int = 1024,
        items: int = 4, context: int = 200, hippocampus: bool | Mapping[str, Any] = False, longterm: Mapping[str, Any] | None = None,
        full: str = "refuse", same: float = 0.9, false_alarms: float = 0.01, drive: float | Mapping[str, float] | None = None,
        strength: Strength | None = None, name: str = "memory",
    ) -> None:  # fmt: skip
        self.net, self.name = net, name
        self.sources, sizes = _regions(name, regions)
        active = check_positive("System.active", check_probability("System.active", active))
        self.shape(sizes)
        k = sum(max(1, round(active * size)) for size in sizes.values())
        graded = dict(longterm or {}).get("synapse", "binary") != "binary"
        self.content = Layer(net, f"{name}.content", sum(sizes.values()), k, noise=0.1 if graded else 0.0)
        drives = {r: w for r in self.sources if (w := _drive(drive, r)) is not None}
        self.senses = Senses(net, self.content, self.sources, self.slices, drives, name=name)
        size = check_count("System.context", context)
        self.context = (
            TemporalContext(net, size, max(1, size // 20), max(1, size // 100), name=f"{name}.context")
            if size
            else None
        )
        options = dict(hippocampus) if isinstance(hippocampus, Mapping) else {}
        self.options = {"longterm": dict(longterm or {}), "max_fill": options.get("max_fill", 0.4)}
        area = Hippocampus(net, self.content, name=f"{name}.hippocampus", **options) if hippocampus else None
        self.episodic = EpisodicMemory(
            net, self.content, n=n, context=self.context.layer if self.context else None, hippocampus=area, regions=self.slices,
            same=same, full=self.policy(full), false_alarms=false_alarms, name=f"{name}.episodic",
        )  # fmt: skip
        self.longterm = slow_store(net, self.content, name=f"{name}.longterm", **dict(longterm or {}))
        slots = check_count("System.items", items)
        self.working = (
            SlotMemory(net, slots, name=f"{name}.working", parameters=Slots(n=self.content.n)) if slots else None
        )
        self.join(strength)
        self.known: dict[int, Hashable] = {}

    def shape(self, sizes: Mapping[str, int]) -> None:
        ends = np.cumsum([0, *sizes.values()]).tolist()
        self.slices = {r: slice(a, b) for r, a, b in zip(sizes, ends[:-1], ends[1:], strict=True)}

    def policy(self, full: str) -> str | Callable[[int], Any]:
        """What the episodic memory does when it is full."""
        if full not in ("refuse", "forget", "grow"):
            raise ParameterError(f"System.full: must be 'refuse', 'forget' or 'grow', got {full!r}")
        self.full = full
        return self._forget_least if full == "forget" else full

    def _forget_least(self, number: int) -> None:
        """Make room for so many."""
        self.forget(number=number, dry_run=False, probes=0)

    def usefulness(self, ids: np.ndarray) -> np.ndarray:
        """Value of each episode times the probability that it can be recalled now, float64 [ids]."""
        worth = self.forgetting.usefulness()
        return np.asarray(worth[np.searchsorted(self.forgetting.ids, np.atleast_1d(ids))])

    def _encode(self, cues: Volleys) -> Volleys:
        """What the index cells hear of cues of the content."""
        area = self.episodic.hippocampus
        return cues if area is None else area.complete(cues).codes

    def join(self, strength: Strength | None) -> None:
        self.forgetting = Forgetting(self.episodic, strength)
        self.consolidation = Consolidation(
            self.episodic.index,
            self.longterm,
            usefulness=self.usefulness,
            fa=self.episodic.false_alarms,
            encode=self._encode,
        )

    # ---- the regions ------------------------------------------------------------------------------------------------

    def places(self, pattern: Cue) -> np.ndarray:
        """Places in the content of a pattern given by region, as places or as a mask."""
        return self.episodic.places(pattern)

    def by_region(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """A pattern of the content region by region: places within each."""
        return self.episodic.by_region(places)

    def capture(self, window: float = 200.0) -> np.ndarray:
        """Run the network for `window` ms with open ears; the content cells that heard most spikes win and are the pattern.

        Parameters
        ----------
        window : float
            ms.

        Returns
        -------
        int64 [cells]
            Places in the content; none where all regions were silent.
        """
        return self.senses.listen(window)

    def reinstate(self, pattern: Cue | Remembered) -> None:
        """Let a pattern fire in the content, and the neurons of the regions with it (those that have a `drive`)."""
        self.senses.speak(pattern.pattern if isinstance(pattern, Remembered) else self.places(pattern))

    # ---- storing and recalling --------------------------------------------------------------------------------------

    def store(
        self, pattern: Cue | None = None, *, context: ArrayLike | None = None, label: Hashable = None, tags: Iterable[Hashable] = (),
        value: float = 1.0,
    ) -> Engram:  # fmt: skip
        """Store what is given, or what the regions do in the next 200 ms, as an episode.

        Parameters
        ----------
        pattern : dict of region to places or mask, or places of the content, optional
        context : places of the context layer, optional
            Default: the context of now, which drifts by a step with each episode.
        label, tags, value
            As in `EpisodicMemory.store`.

        Returns
        -------
        Engram

        Raises
        ------
        CapacityFull
            With full="refuse", before anything is stored.
        """
        shown = self.capture() if pattern is None else self.places(pattern)
        if not shown.size:
            what = "the regions were silent for 200 ms" if pattern is None else "the pattern has no cells"
            raise ParameterError(f"{self.name}.store: {what}; nothing to store")
        return self.store_many(
            [shown], contexts=None if context is None else [context], labels=[label], tags=[tags], values=value
        )[0]

    def store_many(
        self, patterns: Sequence[Cue] | np.ndarray, *, contexts: Sequence[ArrayLike] | None = None,
        labels: Sequence[Hashable] | None = None, tags: Sequence[Iterable[Hashable]] | None = None, values: ArrayLike = 1.0,
    ) -> list[Engram]:  # fmt: skip
        """As `store`, for many patterns in a few runs; the context drifts from each to the next."""
        told: Any = contexts
        if self.context is not None and contexts is None:
            told = self.context.drift(len(patterns))
        made = self.episodic.store_many(patterns, contexts=told, labels=labels, tags=tags, values=values)
        self.known.update({e.id: e.label for e in made})
        return made

    def recall(
        self,
        cue: Cue | None = None,
        k: int = 1,
        *,
        attention: Attention | None = None,
        context: ArrayLike | None = None,
    ) -> Remembered:
        """Ask the episodes, and where none answers the slow store.

        Parameters
        ----------
        cue : dict of region to places or mask, or places of the content, optional
            Default: what the regions do in the next 200 ms.
        k : int
            How many episodes may answer.
        attention : Attention, optional
        context : places of the context layer, optional

        Returns
        -------
        Remembered
            Each item says its source; status "no_memory" if neither store passes its calibrated threshold.
        """
        shown = self.capture() if cue is None else self.places(cue)
        return self.recall_many([shown], k, attention=attention, contexts=None if context is None else [context])[0]

    def recall_many(
        self, cues: Sequence[Cue] | np.ndarray, k: int = 1, *, attention: Attention | None = None,
        contexts: Sequence[ArrayLike] | None = None,
    ) -> list[Remembered]:  # fmt: skip
        """As `recall`, for many cues in a few runs."""
        told: Any = contexts
        answers = self.episodic.recall_many(cues, k, attention=attention, contexts=told)
        unknown = [i for i, a in enumerate(answers) if a.status == "no_memory"]
        if unknown and self._may_ask_slow(attention):
            for i, found in zip(unknown, self._slow([self.places(cues[i]) for i in unknown], attention), strict=True):
                answers[i] = found or answers[i]
        return answers

    def _may_ask_slow(self, attention: Attention | None) -> bool:
        """The slow store knows neither times nor tags, and nothing before the first sleep."""
        timed = attention is not None and (
            attention.since is not None or attention.until is not None or attention.wanted
        )
        return self.longterm.strong > 0 and not timed

    def _slow(self, cues: Sequence[np.ndarray], attention: Attention | None) -> list[Remembered | None]:
        """Answers of the slow store, None where it does not know."""
        slow = self.longterm
        inside = None
        if attention is not None and attention.regions is not None:
            inside = np.concatenate([self.episodic.regions[r] for r in attention.regions])
        rows = [c if inside is None else c[np.isin(c, inside)] for c in cues]
        asked = [i for i, r in enumerate(rows) if r.size]
        answers: list[Remembered | None] = [None] * len(rows)
        if not asked:
            return answers
        wanted = [rows[i] for i in asked]
        try:
            found = slow.recall(wanted, reject=True, steps=2, clamp=False)
        except NotCalibrated:
            for size in sorted({r.size for r in wanted}):
                slow.calibrate(self.episodic.false_alarms, size=size, cues=250, clamp=False)
            found = slow.recall(wanted, reject=True, steps=2, clamp=False)
        for j, i in enumerate(asked):
            if found.accepted[j]:
                answers[i] = self._known_pattern(found, j, rows[i].size)
        return answers

    def _known_pattern(self, found: Any, j: int, size: int) -> Remembered:
        """An answer of the slow store; its name is that of the memory whose cells it is made of."""
        pattern = found.winners[j]
        who = self._name_of(pattern)
        sure = (found.familiarity[j] - found.theta + 1.0) / max(size - found.theta + 1.0, 1.0)
        item = Item(
            who, self.known.get(who), pattern, float(found.familiarity[j] / size), float(np.clip(sure, 0.0, 1.0)),
            float(found.latency[j]), "long-term",
        )  # fmt: skip
        return Remembered("ok", (item,), pattern, float(found.theta), float(found.false_alarm_rate))

    def _name_of(self, pattern: np.ndarray) -> int:
        """The memory most of whose cells fired, if more than half of them did; -1 for none.  It names an answer, it makes none."""
        best, share = -1, 0.5
        for k, cells in zip(self.longterm.ids.tolist(), self.longterm.cells(self.longterm.ids), strict=True):
            mine = float(np.isin(cells, pattern).mean()) if cells.size else 0.0
            if mine > share:
                best, share = k, mine
        return best

    def use(self, answer: Remembered) -> None:
        """Say that an answer was of use: only that makes a memory last longer, and its competitors weaker."""
        self.episodic.use(answer)
        if answer.best is not None and answer.best.source == "episodic":
            self.forgetting.recalled(answer)

    # ---- forgetting -------------------------------------------------------------------------------------------------

    def forget(
        self, ids: ArrayLike | None = None, *, where: Callable[[dict[str, np.ndarray]], np.ndarray] | ArrayLike | None = None,
        budget_bytes: float | None = None, below: float | None = None, number: int | None = None, mode: str = "delete",
        dry_run: bool = False, probes: int = 50, residue_check: bool = False,
    ) -> Forgotten:  # fmt: skip
        """Forget the episodes named, or the least useful; the slow store gives up what belongs to them alone.

        Parameters
        ----------
        ids, where, budget_bytes, below, number
            What shall go, in one of these ways; see `Forgetting.plan`.  The budget is that of the episodes.
        mode : {"delete", "silence"}
            Silent synapses cannot be recalled, but are relearned more cheaply.
        dry_run : bool
            Only say what would go, and what it would cost the recall of the others.
        probes, residue_check
            As in `Forgetting.forget`; cues that find a residue may be answered by neither store.

        Returns
        -------
        Forgotten
        """
        if mode == "silence" and not isinstance(self.longterm, LongTermMemory):
            raise ParameterError(
                f"{self.name}.forget(mode='silence'): the synapses of {self.longterm!r} have no silent state; mode='delete'"
            )
        report = self.forgetting.forget(
            ids, where=where, budget_bytes=budget_bytes, below=below, number=number, mode=mode, dry_run=dry_run, probes=probes,
            residue_check=residue_check, false_alarms=self.episodic.false_alarms,
        )  # fmt: skip
        learned = np.intersect1d(report.ids, self.longterm.ids)
        if learned.size:
            freed = self.longterm.forget(learned, mode=mode, dry_run=dry_run)
            report = dataclasses.replace(
                report,
                synapses=report.synapses + freed.synapses,
                shared=report.shared + freed.shared,
                bytes=report.bytes + freed.bytes,
            )
        if dry_run:
            return report
        if mode == "delete":
            for k in report.ids.tolist():
                self.known.pop(k, None)
        return report

    # ---- working memory ---------------------------------------------------------------------------------------------

    def hold(self, label: Hashable, pattern: Cue | Remembered) -> Hashable | None:
        """Write a pattern into a slot of working memory; return the label of what had to go, or None.

        The network runs until it is written.
        """
        slots = self._slots("hold")
        places = pattern.pattern if isinstance(pattern, Remembered) else self.places(pattern)
        lost = slots.write(label, places)
        self.net.run(slots.write_time, progress=False)
        return lost

    def held(self, label: Hashable) -> np.ndarray:
        """Open the slot of this label and read which content cells fire, int64 [cells]."""
        return self._slots("held").recall(label)

    def _slots(self, what: str) -> SlotMemory:
        if self.working is None:
            raise ParameterError(f"{self.name}.{what}: there is no working memory; System(net, regions, items=4)")
        return self.working

    # ---- sleep ------------------------------------------------------------------------------------------------------

    def sleep(
        self, replays: int = 200, *, schedule: str | None = None, probes: int = 20, days: float = 0.0
    ) -> SleepReport:
        """Let episodes replay themselves and teach the slow store.

        Parameters
        ----------
        replays : int
            At most so many.
        schedule : {"strength", "uniform", "usefulness", "surprise"}, optional
            Default: that of `consolidation`.
        probes : int
            Memories recalled from half of their cells before and after.
        days : float
            Time that passes for the slow store's synapses meanwhile (`LongTermMemory.rest`).

        Returns
        -------
        SleepReport
        """
        before = self.consolidation.schedule
        if schedule is not None:
            self.consolidation.schedule = schedule
        try:
            report = self.consolidation.sleep(replays, probes=probes)
        finally:
            self.consolidation.schedule = before
        if check_not_negative(f"{self.name}.sleep(days)", days, "days"):
            self.longterm.rest(days)
        return report

    def stats(self, probes: int = 50) -> MemoryStats:
        """How full, how alike the memories, and, by half cues of `probes` of them and as many unknown ones, what is recalled."""
        return account(self, check_count(f"{self.name}.stats(probes)", probes))

    # ---- saving and carrying over -----------------------------------------------------------------------------------

    def save(self, path: str) -> None:
        """Write the system and its network to the folder `path`.

        ``ns.memory.load(path)`` continues bit by bit; ``ns.load(path)`` reads the network alone.

        Raises
        ------
        SaveError
            Where a label or tag is neither text nor a number.
        """
        saving.write(path, self.net, self.name, system_state.described(self), system_state.arrays(self))

    @classmethod
    def load(
        cls, path: str, *, functions: Mapping[str, Callable[..., Any]] | None = None, models: Mapping[str, type] | None = None,
        strength: Strength | None = None,
    ) -> System:  # fmt: skip
        """The system that `save` wrote, in its network (`system.net`); both continue bit by bit.

        Parameters
        ----------
        path : str
        functions, models : mapping, optional
            As for ``ns.load``.
        strength : policy, optional
            The policy of strength, if it is one of your own.

        Raises
        ------
        SaveError
            Nothing there, or damaged.
        IncompatibleSnapshot
            A save of a network without a memory system, or of a later neurosim.
        """
        system = cls.__new__(cls)
        system_state.restore(system, *saving.read(path, functions, models), strength)
        return system

    def transplant(
        self,
        net: Network,
        regions: Sequence[Population] | Mapping[str, Population | int] | None = None,
        *,
        fan_in: int = 20,
        **options: Any,
    ) -> Transplanted:
        """Carry the episodes into another network, whose regions may have other sizes.

        Each index cell fires here; the volley that it wakes crosses a bridge of random synapses to the content there, and what
        wins there is stored as a new episode.  No weight is copied.  What only the slow store knows stays behind.

        Parameters
        ----------
        net : Network
        regions : as for `System`, optional
            With the same names as here.  Default: the populations of these names there, or as many cells as here.
        fan_in : int
            Cells of a region here that a cell there hears.
        **options
            Of the new `System`.

        Returns
        -------
        Transplanted
            `system` there, `bridge`, and `ids`: number here to number there.
        """
        here = {r: s.stop - s.start for r, s in self.slices.items()}
        wanted = {r: net.populations.get(r, size) for r, size in here.items()} if regions is None else regions
        return carry(self, type(self)(net, wanted, **options), fan_in)

    def __repr__(self) -> str:
        regions = ", ".join(f"{r} ({s.stop - s.start})" for r, s in self.slices.items())
        return (
            f"System({self.name!r}: {regions}; {len(self.episodic)} episodes, {self.longterm.strong:,} slow synapses)"
        )


def _regions(
    name: str, regions: Sequence[Any] | Mapping[str, Any] | Population | Region
) -> tuple[dict[str, Population], dict[str, int]]:
    """Populations by region, and cells of each region."""
    if isinstance(regions, Mapping):
        by_name = {r: one if isinstance(one, int) else _population(name, one) for r, one in regions.items()}
    else:
        given = [regions] if isinstance(regions, Population | Region) else list(regions)
        by_name = {(one := _population(name, r)).name: one for r in given}
    if not by_name:
        raise ParameterError(
            f"System({name!r}).regions: needs at least one, such as [population] or {{'vision': 1000}}"
        )
    sizes = {
        r: check_count(f"System({name!r}).regions[{r!r}]", one if isinstance(one, int) else len(one), least=2)
        for r, one in by_name.items()
    }
    return {r: one for r, one in by_name.items() if isinstance(one, Population)}, sizes


def _population(name: str, one: Any) -> Population:
    """A population, or the only one of a region."""
    if isinstance(one, Region) and len(one.populations) == 1:
        return one.populations[0]
    if not isinstance(one, Population):
        what = f"a region of {len(one.populations)} populations" if isinstance(one, Region) else repr(one)
        raise ParameterError(
            f"System({name!r}).regions: needs populations, got {what}; [net.populations['vision']], or {{'vision': 1000}} for cells that no "
            f"population drives"
        )
    return one


def _drive(drive: float | Mapping[str, float] | None, region: str) -> float | None:
    return drive.get(region) if isinstance(drive, Mapping) else drive
