"""The network: what a user builds, runs, changes and runs again.

Holds what there is and knows who does what with it; how each is done is known by the modules that it calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import (
    attending,
    connecting,
    disconnecting,
    joining,
    listening,
    overview,
    populating,
    ranks,
    resetting,
    running,
    stimulating,
    values,
)
from neurosim import threads as thread_choice
from neurosim.checks import check_count, check_positive, duration_steps
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.engine.loop import Engine
from neurosim.errors import ParameterError, RunError
from neurosim.history import History
from neurosim.junctions import GapJunctions
from neurosim.kernels.rng import stream_key
from neurosim.mapped import open_store
from neurosim.population import Neurons, Population, Region, View, html_card, parts_of
from neurosim.projection import Projection
from neurosim.recording import RateRecorder, SpikeRecorder
from neurosim.stimulating import StimulusHandle
from neurosim.units import plain

if TYPE_CHECKING:
    from neurosim.analysis.regions import RegionMatrix
    from neurosim.positions import Layout
    from neurosim.process import Process


class Network:
    """A living network of spiking neurons.

    Parameters
    ----------
    dt : float
        Step (ms).
    seed : int
        Everything random depends on it, on the step and on the element, and on nothing else.
    t0 : float
        Time at the start (ms).
    default_delay : float, optional
        Delay (ms) of connections that name none; by default 1 ms, or the multiple of dt nearest to it.
    threads : int, optional
        Threads of its runs; by default all cores where the network is large enough to gain, else one.  No spike and no
        weight depends on it.
    store : str or path, optional
        Folder on a disk that stands in for memory: the synapses lie in files there that are mapped into memory, so that they may be
        more than memory holds.  The same spikes; slower where the rows of the sources that fire do not fit into memory.
        New or empty; it is no save, and is emptied by `close`, when the network is forgotten, and at the end of the program.
        Of several ranks each has a folder of its own in it.
        ``ns.random``, ``ns.fixed_indegree`` and ``ns.all_to_all`` with one weight and delay or drawn ones are wired a portion at
        a time; other rules need memory for the synapses of one projection while it is made.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=0.1, seed=1)
    >>> exc = net.add_population("exc", ns.LIF(), 100)
    >>> net.stimulate(exc, ns.PoissonInput(rate=15_000.0, weight=0.1))
    StimulusHandle(PoissonInput on exc, active)
    >>> spikes = net.record(exc, "spikes")
    >>> net.run(100.0)
    """

    def __init__(self, dt: float = 0.1, seed: int = 0, t0: float = 0.0, default_delay: float | None = None,
                 threads: int | None = None, store: str | os.PathLike[str] | None = None) -> None:  # fmt: skip
        self.dt = check_positive("Network.dt", plain("Network.dt", dt, "ms"), "ms")
        self.seed = check_count("Network.seed", seed)
        ranks.agree("Network", self.dt, self.seed, store is None)
        self.first_step = values.duration(self, "Network.t0", t0)
        if default_delay is None:
            default_delay = max(1, round(1.0 / self.dt)) * self.dt
        self.default_delay = values.duration(self, "Network.default_delay", default_delay, least=1) * self.dt
        self.threads = None if threads is None else thread_choice.check("Network.threads", threads)
        self._threads_used = 1
        self._weighed = 0  # synapses and neurons when the parts of the threads were weighed last
        self.engine = Engine(self.dt, self.seed, self.first_step)
        self.engine.store = None if store is None else open_store(store)
        self.history = History(self.dt)
        self.history.present = self._synapses_now
        self.populations: dict[str, Population] = {}
        self.projections: dict[str, Projection] = {}
        self.gap_junctions: dict[str, GapJunctions] = {}
        self.processes: list[Any] = []
        self.recorders: list[Any] = []
        self.stimuli: list[StimulusHandle] = []
        self._counters: dict[str, int] = {}
        self._pending: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._todo: list[Any] = []  # what is due at this step and has not been called yet
        self._snapshots: dict[str, Any] = {}
        self._running = False

    # ---- what there is ----------------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps done since time 0."""
        return self.engine.step

    @property
    def now(self) -> float:
        """Time (ms)."""
        return self.engine.step * self.dt

    @property
    def n_neurons(self) -> int:
        """Neurons alive."""
        return self.engine.max_fired

    @property
    def n_synapses(self) -> int:
        """Synapses alive."""
        stored = sum(int(pool.n_synapses) for pool in self.engine.pools if not isinstance(pool, ImplicitPool))
        drawn = sum(int(pool.n_synapses) for pool in self.engine.pools if isinstance(pool, ImplicitPool))
        return int(ranks.total(stored)) + drawn

    @property
    def n_gap_junctions(self) -> int:
        """Gap junctions alive; they are not among the synapses."""
        return len(self.engine.gaps)

    @property
    def threads_used(self) -> int:
        """Threads of the last run."""
        return self._threads_used

    @property
    def regions(self) -> list[str]:
        """Paths of all regions, parents included, sorted."""
        return overview.regions(self)

    def region(self, path: str) -> Region:
        """The region of this path; unknown ones are refused with the known ones listed."""
        return overview.region(self, path)

    def _synapses_now(self) -> tuple[int, list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]]:
        """The step, and (projection, pre, post, weight, delay): what the history starts from when it looks back."""
        edges = [(p.name, p.edges()) for p in self.projections.values()]
        return self.step, [(name, e.pre, e.post, e.weight, e.delay) for name, e in edges]

    def _population_of(self, number: int) -> Population:
        return next(p for p in self.populations.values() if p.number == number)

    def _next(self, kind: str, n: int = 1) -> int:
        first = self._counters.get(kind, 0)
        self._counters[kind] = first + n
        return first

    # ---- neurons ----------------------------------------------------------------------------------------------------

    def add_population(
        self, name: str, model: Any, n: int, region: str | None = None, positions: ArrayLike | Layout | None = None
    ) -> Population:
        """Add `n` neurons of one model.

        Parameters
        ----------
        name : str
            New in this network.
        model : neuron model
            Such as ``ns.LIF(tau_m=10.0)``.
        n : int
        region : str, optional
            Label, nested by "/": "cortex/vision".
        positions : array [n, 2 or 3] or layout, optional
            For wiring by distance and delays from it, in any unit of length: given, or drawn from a layout such as
            ``ns.positions.ball(100.0)``, which also places neurons that are added later.

        Returns
        -------
        Population
        """
        return populating.add_population(self, name, model, n, region, positions)

    def _add_neurons(self, population: Population, n: int, positions: Any, rule: str) -> View:
        return populating.add_neurons(self, population, n, positions, rule)

    def _remove_neurons(self, population: Population, uid: np.ndarray, rule: str) -> None:
        populating.remove_neurons(self, population, uid, rule)

    def place(self, target: Any, layout: Layout) -> None:
        """Give all populations of a region (or a population, or a list) positions from one layout; wiring stays as it is."""
        populating.place(self, target, layout)

    def distance(self, pre: ArrayLike, post: ArrayLike) -> np.ndarray:
        """Distance between pairs of neurons, given by uid, in the unit of their positions; float64 [pairs]."""
        return values.distance(self, pre, post)

    def region_matrix(self, what: str = "synapses", level: int | None = None) -> RegionMatrix:
        """Synapses between regions; neurons without a region go by the name of their population.

        Parameters
        ----------
        what : {"synapses", "weight", "density"}
            Their number, the sum of their weights, or their number per pair of neurons.
        level : int, optional
            Depth of the labels: 1 gathers "cortex/a" and "cortex/b" under "cortex".  Default: each region as named.
        """
        from neurosim.analysis.regions import region_matrix

        return region_matrix(self, what, level)

    def remove_population(self, population: Population | str) -> None:
        """Remove a population with its neurons, its projections, its stimuli and its state recorders."""
        populating.remove_population(self, population)

    # ---- synapses ---------------------------------------------------------------------------------------------------

    def connect(
        self, pre: Any, post: Any, rule: Any, *, weight: Any = 1.0, delay: Any = None, axonal_delay: Any = None,
        receptor: str | None = None, plasticity: Any = None, dtype: str = "float64", autapses: bool = False,
        parallel: bool = False, release: float = 1.0, modulator: Any = None, name: str | None = None,
        w_min: float | None = None, w_max: float | None = None, procedural: bool = False,
    ) -> Any:  # fmt: skip
        """Connect two populations, views or regions.

        Parameters
        ----------
        pre, post : Population, View, Region, name, or a list of them
            A region or list gives one projection per pair of populations, as a `ProjectionGroup`; the rule then holds for
            each of them.
        rule : wiring rule, edges, or function of index arrays (i, j)
            Such as ``ns.random(0.1)``, ``ns.fixed_indegree(100)``, a scipy sparse matrix, a networkx graph, ``lambda i, j: i < j``.
        weight : number, array or distribution
            In the unit of the receptor: mV (delta), pA (currents), nS (conductances).  An array has one number per edge in
            the order of `Projection.weight` (pre uid, post uid), listed edges in the order listed.  Inhibitory weights are
            negative in every model; the sign chooses the receptor unless `receptor` names it.
        delay : number, array or distribution, optional
            ms, from spike to effect, at least dt.  Numbers must lie on the grid of dt; drawn ones are rounded to it.  For
            plastic synapses it is the dendritic part.
        axonal_delay : number, optional
            ms, one for the projection, in front of `delay` (which then is 0 by default).
        receptor : str, optional
        plasticity : rule or list of rules, optional
            Such as ``ns.PairSTDP()``; the rules of a list act on the same synapse, in this order.
        dtype : {"float64", "float32", "float16", "int8", "4bit", "2bit", "1bit", "one"}
            Type of the stored weights: 8, 4, 2, 1, 1/2, 1/4, 1/8 and 0 bytes of a static synapse, which has 4 more for target and
            delay.  "int8" ... "1bit" are grids of 256, 16, 4 and 2 values between `w_min` and `w_max` (one less between opposite
            bounds, so that 0 is among them; not for 1 bit); a weight between two values is rounded to the nearest, and a warning
            says by how much.  "one" keeps one weight for the whole projection.  With plasticity the grids lie between the bounds
            of the rule, each update is rounded at random to a neighbour, so that its mean is kept, and weights are held in
            float32; "float16" and "one" are for static synapses.
        w_min, w_max : float, optional
            Bounds of static weights of "int8" ... "1bit".  By default those of the distribution `weight`, else the smallest and
            the largest weight; a single weight lies between 0 and itself.
        autapses, parallel : bool
            Whether a neuron may connect to itself, and a pair more than once; kept by all rules that form synapses.
        release : float
            Probability that a spike is transmitted by a synapse.
        modulator : Population or View of one ``ns.Modulator``, optional
            Whose level is the third factor of the rule.
        name : str, optional
        procedural : bool
            Keep no synapse: draw the targets, weights and delays of a source again whenever it fires, always the same.  Takes
            0 bytes a synapse and more time for each; for static ``ns.random(p)`` and ``ns.all_to_all()``, weights of one number or
            a distribution, delays of one number or a distribution with an upper bound.  The synapses can be read
            (`Projection.edges`, degrees, matrices), not edited, and the neurons of both populations cannot be removed.

        Returns
        -------
        Projection, or ProjectionGroup

        References
        ----------
        Knight & Nowotny (2021), Nat. Comput. Sci. 1:136 (procedural connectivity).
        """
        pre, post = (self.populations.get(x, x) if isinstance(x, str) else x for x in (pre, post))
        sources, targets = parts_of(pre, self, "connect(pre)"), parts_of(post, self, "connect(post)")
        single = isinstance(pre, Neurons) and isinstance(post, Neurons)
        options = {
            "weight": weight, "delay": delay, "axonal_delay": axonal_delay, "receptor": receptor, "plasticity": plasticity,
            "dtype": dtype, "autapses": autapses, "parallel": parallel, "release": release,
            "modulator": modulator, "w_min": w_min, "w_max": w_max, "procedural": procedural,
        }  # fmt: skip
        made: list[Projection] = []
        try:
            for source in sources:
                for target in targets:
                    label = connecting.name_for(self, name, source, target, single)
                    self.projections[label] = connecting.connect(self, source, target, rule, name=label, **options)
                    made.append(self.projections[label])
        except BaseException:  # all or nothing
            for projection in made:
                disconnecting.forget(self, projection, projection.edges())
            raise
        for projection in made:
            ends = projection.source.name, projection.target.name
            self.history.wired(projection.name, *ends, len(projection), self.step)
        return made[0] if single else connecting.ProjectionGroup(name or f"{len(made)} projections", made)

    def join(
        self, pre: Any, post: Any, wiring: Any, *, conductance: Any = None, rectifying: bool = False, parallel: bool = False,
        name: str | None = None,
    ) -> GapJunctions:  # fmt: skip
        """Join neurons by gap junctions (electrical synapses): g (v_j - v_i) flows into i, the opposite into j.

        Each step uses the voltages at its beginning, so the network advances step by step; see `GapJunctions`.

        Parameters
        ----------
        pre, post : Population, View, Region, name, or a list of them
            Two sets of neurons with a potential `v` that take currents; often the same one twice.
        wiring : wiring rule, edges, undirected networkx graph, or function of index arrays (i, j)
            A junction has no direction: every pair is decided once.  ``ns.random(0.1)`` joins each with probability 0.1, a
            function is asked for both orders, and a table may list a pair once or, with equal conductances, both ways.
        conductance : number, array or distribution, optional
            nS (or the model's unit of current per mV); 1 if neither it nor the edges, as weights, say.
        rectifying, parallel : bool
            Whether current passes from pre to post only, g max(v_pre - v_post, 0); whether a pair may have several junctions.
        name : str, optional
        """
        return joining.join(
            self, pre, post, wiring, conductance=conductance, rectifying=rectifying, parallel=parallel, name=name
        )

    def disconnect(self, projection: Any, post: Any = None) -> int:
        """Remove what `connect` or `join` gave, or everything between what it took (pre, post); return the number of synapses.

        Spikes on their way are dropped.
        """
        ranks.agree("net.disconnect", type(projection).__name__)
        return disconnecting.disconnect(self, projection, post)

    def _widen_delays(self, projection: Projection, steps: int) -> None:
        connecting.widen_delays(self, projection, steps)

    # ---- stimuli, processes, recorders ------------------------------------------------------------------------------

    def stimulate(self, target: Any, stimulus: Any) -> StimulusHandle:
        """Apply a stimulus to a population, view or region.

        Returns
        -------
        StimulusHandle
            ``handle.active = False`` switches it off, ``handle.remove()`` takes it away.
        """
        return stimulating.stimulate(self, target, stimulus)

    def add(self, process: Process) -> Any:
        """Add a process (growth, pruning, a callback): it is called at every multiple of its `every` (ms) from now on."""
        ranks.agree("net.add", type(process).__name__)
        attending.check(self, process)
        if hasattr(process, "start"):
            process.start(self)
        self.processes.append(process)
        if hasattr(process, "observe"):
            self._pending[id(process)] = []
        return process

    def remove(self, process: Any) -> None:
        """Take a process or recorder away."""
        ranks.agree("net.remove", type(process).__name__)
        attending.dismiss(self, process)

    def _listeners(self) -> list[Any]:
        return [r for r in self.recorders if isinstance(r, SpikeRecorder | RateRecorder)]

    def _follow(self) -> None:
        """Neurons have come or gone: spike and rate recorders follow their populations."""
        for recorder in self._listeners():
            recorder.follow(listening.who(recorder.targets))

    def record(
        self, target: Any, what: str = "spikes", *, every: float | None = None, window: tuple[float, float] | None = None,
        ring: float | None = None, keep_edges: bool = False, to: str | os.PathLike[str] | None = None, chunk: int | None = None,
    ) -> Any:  # fmt: skip
        """Record from now on; what is recorded changes nothing in the run.

        Parameters
        ----------
        target : Population, View, Region, list of them; Projection for weights and edges
        what : str
            "spikes", "rates", a state variable such as "v"; "weights" or "edges" of a projection.
        every : float, optional
            ms between samples (default: each step for states, 10 ms for rates, 100 ms for weights and edges).
        window : (float, float), optional
            Listen only to stamps from and to these times (ms).
        ring : float, optional
            Keep only the last `ring` ms.
        keep_edges : bool
            For "edges": keep the edges themselves too.
        to : str or path, optional
            New Zarr folder to which spikes, rates or states go, so that memory holds little of them; `ns.read_recording`
            reads it, also while the run goes on and after it was killed.  The recorder itself has the same arrays as one in
            memory, read when asked for.  A network that was saved and loaded continues the file from the step of the save.
            On several ranks the first one writes and reads it, at its path; all must ask for the arrays together.
        chunk : int, optional
            With `to`: rows (spikes, bins, samples) that are kept in memory and written as one (default: about 1 MB).

        Returns
        -------
        SpikeRecorder, RateRecorder, StateRecorder, WeightRecorder or EdgeRecorder
        """
        ranks.agree("net.record", what, every)
        return listening.record(
            self, target, what, every=every, window=window, ring=ring, keep_edges=keep_edges, to=to, chunk=chunk
        )

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(self, duration: float, *, progress: bool | None = None, threads: int | None = None) -> None:
        """Advance the network by `duration` (ms).

        Parameters
        ----------
        duration : float
            ms, a multiple of dt.
        progress : bool, optional
            Show a live line; by default where somebody may be looking.
        threads : int, optional
            Threads that advance it; by default those of the network.  The answer does not depend on it, not in one bit.
            Another number than before costs a pass over all synapses, and edges that were selected before must be selected
            again.

        Raises
        ------
        RunError
            Duration off the grid; a state that is no number any more.
        """
        steps = duration_steps(plain("run(duration)", duration, "ms"), self.dt)
        self._check_not_running("run")
        ranks.agree("net.run", steps)
        self._threads_used = thread_choice.choose(self, threads)
        thread_choice.divide(self, self._threads_used)
        self._running = True
        try:
            running.run(self, steps, progress)
        finally:
            self._running = False
            for recorder in self.recorders:
                recorder.reach(self.step)
        for recorder in self.recorders:
            recorder.ready()

    def rng(self, *names: object) -> np.random.Generator:
        """A NumPy generator that depends on the seed, these names and the step only: for processes and users' own draws."""
        key = int(stream_key(self.seed, "python", *names)) + (self.step << 32)
        return np.random.Generator(np.random.Philox(key=key))

    def key(self, *names: object) -> int:
        """A 32-bit key from the seed, these names and the step: for choices by hash."""
        return int(stream_key(self.seed, *names, self.step))

    def reset(self) -> None:
        """Back to the start: clock, membrane states, traces, spikes in flight and recordings; graph and weights stay.

        The history is kept; everything else comes back with `restore`.
        """
        self._check_not_running("reset")
        ranks.agree("net.reset")
        resetting.reset(self)

    def _check_open(self, what: str) -> None:
        if self.engine.store is not None:
            self.engine.store.check_open(what)

    def _check_not_running(self, what: str) -> None:
        if what != "close":
            self._check_open(what)
        if self._running:
            raise RunError(f"{what}: the network is running; a process must not call {what}")

    def close(self) -> None:
        """Remove the files of ``Network(store=...)``; without one, do nothing.  The network cannot be used any more."""
        self._check_not_running("close")
        if self.engine.store is not None:
            for projection in self.projections.values():
                projection.alive, projection.pool = False, None
            self.engine.pools.clear()
            self.engine.store.close()

    # ---- memory, saving ---------------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Give memory back that edits left unused; runs do so by themselves when a quarter is unused."""
        for pool in self.engine.pools:
            pool.compact()
        self.engine.refresh()

    def estimate(
        self, pre: Any = None, post: Any = None, rule: Any = None, *, dtype: str = "float64", parallel: bool = False
    ) -> dict[str, float]:
        """Memory: of the network as it is, or of a connection of static synapses before it is made.

        Returns
        -------
        dict
            "synapses", "bytes" (when built), "peak_bytes" (while it is built), "free_bytes" now.
        """
        return overview.estimate(self, pre, post, rule, dtype, parallel)

    def store(self, name: str = "default") -> None:
        """Keep the whole state in memory under a name, recordings included (also what ``Network(store=...)`` has on disk)."""
        self._check_not_running("store")
        ranks.agree("net.store", name)
        from neurosim import snapshot

        self._snapshots[name] = snapshot.export(self)

    def restore(self, name: str = "default") -> None:
        """Go back to what `store` kept, in place: handles and recorders stay valid."""
        self._check_not_running("restore")
        ranks.agree("net.restore", name)
        if name not in self._snapshots:
            known = ", ".join(self._snapshots) or "none; call net.store() first"
            raise ParameterError(f"net.restore({name!r}): nothing was stored under this name; known: {known}")
        from neurosim import snapshot

        snapshot.take(self, *self._snapshots[name])

    def save(self, path: str) -> None:
        """Write the network to a folder: it continues bit by bit after `ns.load(path)`, also on another machine.

        The folder appears whole or not at all; an older save of that name is replaced.
        """
        from neurosim import checkpoint, snapshot

        self._check_open("save")
        ranks.agree("net.save")
        manifest, arrays, _ = snapshot.export(self, lasting=True)
        ranks.by_one(lambda: checkpoint.write(path, manifest, arrays))

    # ---- looks ------------------------------------------------------------------------------------------------------

    def card(self) -> dict[str, str]:
        """What repr and notebooks show."""
        return overview.card(self)

    def __repr__(self) -> str:
        return "Network(" + ", ".join(f"{k} {v}" for k, v in self.card().items()) + ")"

    def _repr_html_(self) -> str:
        return html_card("neurosim network", self.card())


def load(
    path: str,
    *,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    models: Mapping[str, type] | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Network:
    """The network that `Network.save` wrote; it continues bit by bit as the saved one would.

    Parameters
    ----------
    path : str
    functions : mapping of str to function, optional
        The user's functions (callbacks, partner rules) by name: a save names them and keeps a fingerprint.
    models : mapping of str to class, optional
        The user's classes.
    store : str or path, optional
        Folder for the synapses, as for `Network`.

    Raises
    ------
    SaveError
        Nothing there, damaged, of an unknown version, or a function is missing or has changed.
    """
    from neurosim import checkpoint, snapshot

    manifest, arrays = checkpoint.read(ranks.same(str(path)), mapped="pool" if store is not None else None)
    net = Network(dt=manifest["dt"], seed=manifest["seed"], default_delay=manifest["default_delay"], store=store)
    snapshot.take_own(net, manifest, arrays, {"functions": dict(functions or {})}, models or {})
    return net
