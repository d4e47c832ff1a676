"""The network: what a user builds, runs, changes and runs again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import connecting, listening, running, stimulating
from neurosim.checks import check_count, check_finite_array, check_positive, did_you_mean, duration_steps, steps_of
from neurosim.engine.loop import Engine
from neurosim.errors import NeurosimWarning, ParameterError, RunError, WiringError
from neurosim.history import NEURON_BORN, NEURON_DIED, SYNAPSE_DIED, History
from neurosim.kernels.rng import stream_key
from neurosim.population import Neurons, Population, Region, View, parts_of
from neurosim.projection import Projection
from neurosim.recording import RateRecorder, Snapshots, SpikeRecorder
from neurosim.stimulating import StimulusHandle
from neurosim.units import plain

if TYPE_CHECKING:
    from neurosim.process import Process

MOST_DELAY_BITS = 12


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
    default_delay : float
        Delay (ms) of connections that name none.

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

    def __init__(self, dt: float = 0.1, seed: int = 0, t0: float = 0.0, default_delay: float = 1.0) -> None:
        self.dt = check_positive("Network.dt", plain("Network.dt", dt, "ms"), "ms")
        self.seed = check_count("Network.seed", seed)
        first = steps_of("Network.t0", plain("Network.t0", t0, "ms"), self.dt)
        self.default_delay = check_positive("Network.default_delay", plain("default_delay", default_delay, "ms"), "ms")
        steps_of("Network.default_delay", self.default_delay, self.dt, least=1)
        self.first_step = first
        self.engine = Engine(self.dt, self.seed, first)
        self.history = History(self.dt)
        self.populations: dict[str, Population] = {}
        self.projections: dict[str, Projection] = {}
        self.processes: list[Any] = []
        self.recorders: list[Any] = []
        self.stimuli: list[StimulusHandle] = []
        self._counters: dict[str, int] = {}
        self._pending: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
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
        return sum(int(pool.n_synapses) for pool in self.engine.pools)

    @property
    def threads_used(self) -> int:
        """Threads of the last run."""
        return 1

    @property
    def regions(self) -> list[str]:
        """Paths of all regions, parents included, sorted."""
        paths = set()
        for population in self.populations.values():
            labels = population.region.split("/") if population.region else []
            paths |= {"/".join(labels[: k + 1]) for k in range(len(labels))}
        return sorted(paths)

    def region(self, path: str) -> Region:
        """The region of this path; unknown ones are refused with the known ones listed."""
        if path not in self.regions:
            known = ", ".join(self.regions) or "none yet; net.add_population(..., region=...) makes one"
            raise WiringError(f"net.region({path!r}): no such region; known: {known}.{did_you_mean(path, self.regions)}")
        return Region(self, path)

    def _population_of(self, number: int) -> Population:
        return next(p for p in self.populations.values() if p.number == number)

    def _next(self, kind: str, n: int = 1) -> int:
        first = self._counters.get(kind, 0)
        self._counters[kind] = first + n
        return first

    # ---- neurons ----------------------------------------------------------------------------------------------------

    def add_population(self, name: str, model: Any, n: int, region: str | None = None, positions: ArrayLike | None = None) -> Population:
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
        positions : array [n, 2 or 3], optional
            For wiring by distance, in any unit of length.

        Returns
        -------
        Population
        """
        if not isinstance(name, str) or not name:
            raise ParameterError(f"add_population(name): needs a text, got {name!r}")
        if name in self.populations:
            raise ParameterError(f"add_population({name!r}): there is one already; take another name, or more neurons with net.populations[{name!r}].add(...)")
        if not hasattr(model, "physics") or isinstance(model, type):
            hint = f"; write {model.__name__}() with brackets" if isinstance(model, type) else ""
            raise ParameterError(f"add_population({name!r}): needs a neuron model such as ns.LIF(), got {model!r}{hint}")
        n = check_count(f"add_population({name!r}, n)", n)
        where = self._positions(name, positions, n)
        physics = model.physics
        is_list = physics.name == "spike_source"
        parameters = {} if is_list else {f.name: np.asarray(float(getattr(model, f.name))) for f in fields(model)}
        self._check_parameters(model, parameters)
        spikes = self._spike_list(name, model, n) if is_list else None
        number = self._next("population")
        uid = self._next("uid", n) + np.arange(n)
        self.engine.add_slice(number, physics, parameters, uid)
        population = Population(self, name, model, number, (region or "").strip("/"), where)
        self.populations[name] = population
        if spikes is not None:
            self.engine.home[number][0].lists[number] = spikes
        self._start_state(population, np.arange(n))
        if self.step > self.first_step:
            self.history.add(self.step, NEURON_BORN, "user", "", uid, np.full(n, -1))
        self._follow()
        return population

    def _positions(self, name: str, positions: ArrayLike | None, n: int) -> np.ndarray | None:
        if positions is None:
            return None
        where = np.asarray(positions, np.float64)
        if where.ndim != 2 or where.shape[0] != n or where.shape[1] not in (1, 2, 3) or not np.isfinite(where).all():
            raise ParameterError(f"add_population({name!r}, positions): needs finite numbers of shape ({n}, 2) or ({n}, 3), got shape {where.shape}")
        return where

    def _spike_list(self, name: str, model: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
        index, time = model.index, np.asarray(model.time, np.float64)
        if index.size and index.max() >= n:
            raise ParameterError(f"add_population({name!r}): SpikeSource.index goes up to {index.max()}, but there are {n} neurons")
        steps = np.round(time / self.dt).astype(np.int64)
        off = np.abs(time / self.dt - steps) > 1e-6 * np.maximum(1.0, np.abs(steps) * 1e-3)
        if off.any():
            steps_of(f"add_population({name!r}): SpikeSource.time", float(time[off][0]), self.dt)
        if (steps < 1).any():
            raise ParameterError(f"add_population({name!r}): SpikeSource.time is the end of a step, at least dt = {self.dt:g} ms, got {time[steps < 1][0]:g} ms")
        if (steps <= self.step).any() and self.step > self.first_step:
            raise ParameterError(f"add_population({name!r}): SpikeSource.time {time[steps <= self.step][0]:g} ms is past; it is {self.now:g} ms now")
        if np.unique(steps * n + index).size != steps.size:
            raise ParameterError(f"add_population({name!r}): SpikeSource lists two spikes of one neuron in one step (dt = {self.dt:g} ms)")
        return steps - 1, index

    def _check_parameters(self, model: Any, parameters: dict[str, np.ndarray]) -> None:
        kind = type(model).__name__
        for value in np.unique(parameters.get("t_ref", np.zeros(0))):
            steps_of(f"{kind}.t_ref", float(value), self.dt)
        if kind in ("LIFCond", "AdEx"):
            for name, value in parameters.items():
                if name.startswith("tau_") and np.min(value) < 2 * self.dt:
                    raise ParameterError(f"{kind}.{name}: {np.min(value):g} ms is too short for dt = {self.dt:g} ms, at least 2 dt; take ns.Network(dt={np.min(value) / 10:g})")
        if kind != "SpikeSource":
            model.physics.derive(parameters, self.dt)

    def _start_state(self, population: Population, index: np.ndarray) -> None:
        """Initial values of the model for some neurons of a population."""
        block, piece = self.engine.home[population.number]
        for k, (initial, _) in enumerate(population.model.physics.state.values()):
            value = piece.parameters[initial] if isinstance(initial, str) else initial(piece.parameters) if callable(initial) else initial
            value = np.asarray(value, np.float64)
            block.state[k, piece.first + index] = value if value.ndim == 0 else value[index]
        block.waiting[piece.first + index] = 0

    def _add_neurons(self, population: Population, n: int) -> View:
        piece = self.engine.home[population.number][1]
        old = piece.n
        uid = self._next("uid", n) + np.arange(n)
        if population.positions is not None:
            raise ParameterError(f"{population.name}.add: the population has positions; give the newborns theirs by adding a population of their own")
        self.engine.resize_slice(population.number, np.arange(old), np.append(piece.uid, uid))
        self._start_state(population, old + np.arange(n))
        self.history.add(self.step, NEURON_BORN, "user", "", uid, np.full(n, -1))
        self._bump(population)
        self._follow()
        return View(population, uid)

    def _remove_neurons(self, population: Population, uid: np.ndarray, rule: str = "user") -> None:
        own = population.uid
        unknown = ~np.isin(uid, own)
        if unknown.any():
            raise WiringError(f"{population.name}.remove: no neuron with uid {uid[unknown][0]}; its uids: {own[0] if own.size else '-'} ... {own[-1] if own.size else '-'}")
        keep = np.flatnonzero(~np.isin(own, uid))
        gone = self.engine.resize_slice(population.number, keep, own[keep])
        for lost in gone:
            projection = next(p for p in self.projections.values() if p.wire is lost.wire)
            self.history.add(self.step, SYNAPSE_DIED, rule, projection.name, lost.pre_uid, lost.post_uid, lost.weight, lost.delay * self.dt)
        self.history.add(self.step, NEURON_DIED, rule, "", np.unique(uid), np.full(np.unique(uid).size, -1))
        if population.positions is not None:
            population.positions = population.positions[keep]
        self._bump(population)
        self._follow()

    def _bump(self, population: Population) -> None:
        for projection in self.projections.values():
            if population in (projection.source, projection.target):
                projection._edited()

    def remove_population(self, population: Population | str) -> None:
        """Remove a population with its neurons, its projections, its stimuli and its state recorders."""
        population = self.populations[population] if isinstance(population, str) else population
        population._check_alive()
        for projection in list(self.projections.values()):
            if population in (projection.source, projection.target):
                self.disconnect(projection)
        uid = population.uid
        self.engine.remove_slice(population.number)
        population.alive = False
        del self.populations[population.name]
        self.stimuli = [s for s in self.stimuli if any(a in self.engine.applied for a in s.applied)]
        self.history.add(self.step, NEURON_DIED, "user", "", uid, np.full(uid.size, -1))
        self._follow()

    # ---- synapses ---------------------------------------------------------------------------------------------------

    def connect(
        self, pre: Any, post: Any, rule: Any, *, weight: Any = 1.0, delay: Any = None, axonal_delay: Any = None,
        receptor: str | None = None, plasticity: Any = None, dtype: str = "float64", autapses: bool = False,
        parallel: bool = False, release: float = 1.0, name: str | None = None,
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
            In the unit of the receptor: mV (delta), pA (currents), nS (conductances).  Inhibitory weights are negative in
            every model; the sign chooses the receptor unless `receptor` names it.
        delay : number, array or distribution, optional
            ms, from spike to effect, at least dt.  Numbers must lie on the grid of dt; drawn ones are rounded to it.  For
            plastic synapses it is the dendritic part.
        axonal_delay : number, optional
            ms, one for the projection, in front of `delay` (which then is 0 by default).
        receptor : str, optional
        plasticity : rule, optional
            Such as ``ns.PairSTDP()``.
        dtype : {"float64", "float32"}
            Type of the stored weights.
        autapses, parallel : bool
            Whether a neuron may connect to itself, and a pair more than once; kept by all rules that form synapses.
        release : float
            Probability that a spike is transmitted by a synapse.
        name : str, optional

        Returns
        -------
        Projection, or ProjectionGroup
        """
        sources, targets = parts_of(pre, self, "connect(pre)"), parts_of(post, self, "connect(post)")
        single = isinstance(pre, Neurons) and isinstance(post, Neurons)
        made = []
        for source in sources:
            for target in targets:
                label = self._projection_name(name, source, target, single)
                projection = connecting.connect(
                    self, source, target, rule, weight=weight, delay=delay, axonal_delay=axonal_delay, receptor=receptor,
                    plasticity=plasticity, dtype=dtype, autapses=autapses, parallel=parallel, release=release, name=label,
                )  # fmt: skip
                self.projections[label] = projection
                made.append(projection)
        return made[0] if single else connecting.ProjectionGroup(name or f"{len(made)} projections", made)

    def _projection_name(self, name: str | None, source: Neurons, target: Neurons, single: bool) -> str:
        pair = f"{source.population.name}->{target.population.name}"
        label = (name if single else f"{name}:{pair}") if name else pair
        if name and label in self.projections:
            raise ParameterError(f"connect(name={name!r}): there is one already; take another name, or net.disconnect(net.projections[{label!r}]) first")
        k = 2
        while label in self.projections:
            label, k = f"{pair}#{k}", k + 1
        return label

    def disconnect(self, projection: Any, post: Any = None) -> int:
        """Remove what `connect` gave (a projection or group), or everything between what it took (pre, post); return the number of synapses.

        Spikes on their way are dropped.
        """
        if isinstance(projection, connecting.ProjectionGroup):
            return sum(self.disconnect(p) for p in list(projection) if p.alive)
        if not isinstance(projection, Projection):
            sources = parts_of(projection, self, "disconnect(pre)")
            targets = parts_of(post, self, "disconnect(post)")
            found = [(p, s, t) for p in self.projections.values() for s in sources for t in targets if p.source is s.population and p.target is t.population]
            if not found:
                raise WiringError("disconnect: no projection between these populations; net.projections lists them")
            removed = 0
            for p, s, t in found:
                if isinstance(s, View) or isinstance(t, View):
                    edges = p.edges()
                    removed += edges[np.isin(edges.pre, s.uid) & np.isin(edges.post, t.uid)].remove()
                else:
                    removed += self.disconnect(p)
            return removed
        projection._check_alive()
        removed = projection.edges().remove()
        self.engine.remove_wire(projection.pool, projection.wire)
        projection.alive = False
        del self.projections[projection.name]
        for process in list(self.processes):
            if getattr(process, "projection", None) is projection:
                self.remove(process)
        self.recorders = [r for r in self.recorders if getattr(r, "projection", None) is not projection]
        return removed

    def _edge_numbers(self, label: str, value: Any, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...], *, nth: Any = 0) -> np.ndarray:
        """Weights of edges: 0-d if one number was given, else one per edge."""
        if hasattr(value, "draw"):
            return np.asarray(value.draw(int(stream_key(self.seed, *key)), pre, post, nth), np.float64)
        unit_given = value
        for unit in ("mV", "pA", "nS"):
            try:
                unit_given = plain(label, value, unit)
                break
            except ParameterError:
                continue
        array = np.asarray(unit_given, np.float64)
        if array.ndim == 0:
            return check_finite_array(label, array, 1)[0]
        return check_finite_array(label, array, pre.size)

    def _edge_delays(
        self, label: str, value: Any, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...], *, least: int, nth: Any = 0
    ) -> np.ndarray:
        """Delays of edges in steps: literals must lie on the grid, drawn ones are rounded and said."""
        if hasattr(value, "draw"):
            drawn = np.asarray(value.draw(int(stream_key(self.seed, *key)), pre, post, nth), np.float64)
            steps = np.round(drawn / self.dt).astype(np.int64)
            low = steps < least
            steps[low] = least
            clipped = f", {int(low.sum())} of {low.size} raised to {least * self.dt:g} ms" if low.any() else ""
            if low.any() or np.abs(steps * self.dt - drawn).max(initial=0.0) > 1e-9:
                warnings.warn(f"{label}: drawn delays are rounded to multiples of dt = {self.dt:g} ms{clipped}", NeurosimWarning, stacklevel=5)
            return steps
        array = np.asarray(plain(label, value, "ms"), np.float64)
        if array.ndim == 0:
            return np.asarray(steps_of(label, float(array), self.dt, least=least))
        if array.shape != pre.shape:
            raise ParameterError(f"{label}: needs one number or {pre.size} of them, got an array of shape {array.shape}")
        steps = np.round(array / self.dt)
        off = ~(np.abs(array / self.dt - steps) <= 1e-6 * np.maximum(1.0, np.abs(steps) * 1e-3)) | (steps < least)
        if off.any():
            steps_of(label, float(array[off][0]), self.dt, least=least)
        return steps.astype(np.int64)

    def _widen_delays(self, projection: Projection, steps: int) -> None:
        """Give delays more of the 32 bits of a synapse; what does not fit is refused."""
        bits = steps.bit_length()
        columns = int(self.engine.uid_of_column.size)
        if bits > MOST_DELAY_BITS or columns >= 1 << (32 - bits):
            most = (1 << min(MOST_DELAY_BITS, 32 - columns.bit_length())) - 1
            raise ParameterError(f"{projection.name}: a delay of {steps * self.dt:g} ms is too long; at most {most * self.dt:g} ms here ({columns:,} receptors at dt = {self.dt:g} ms)")
        projection.pool.remap(np.arange(columns), 32 - bits)
        projection.pool.edited()
        self.engine.refresh()

    def _numbers(self, label: str, value: Any, unit: str, uid: np.ndarray, key: tuple[object, ...]) -> np.ndarray:
        """Values for neurons: a number, one per neuron, or a distribution."""
        if hasattr(value, "draw_neurons"):
            return np.asarray(value.draw_neurons(int(stream_key(self.seed, *key, self.step)), uid), np.float64)
        return check_finite_array(label, plain(label, value, unit), uid.size, unit)

    def _plain(self, label: str, value: Any, unit: str) -> Any:
        return plain(label, value, unit)

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
        every = getattr(process, "every", None)
        if every is None or not hasattr(process, "advance"):
            raise ParameterError(f"net.add: needs a process with `every` (ms) and `advance(net)`, such as ns.Prune(...), got {process!r}")
        steps_of(f"{type(process).__name__}.every", every, self.dt, least=1)
        if process in self.processes:
            raise ParameterError(f"net.add: {process!r} has been added already")
        if hasattr(process, "start"):
            process.start(self)
        self.processes.append(process)
        if hasattr(process, "observe"):
            self._pending[id(process)] = []
        return process

    def remove(self, process: Any) -> None:
        """Take a process or recorder away."""
        if process in self.processes:
            self.processes.remove(process)
            self._pending.pop(id(process), None)
        elif process in self.recorders:
            self.recorders.remove(process)
            for watch in self.engine.watches:
                watch.alive &= getattr(watch.take, "__self__", None) is not process
            self.engine.watches = [w for w in self.engine.watches if w.alive]
        else:
            raise ParameterError(f"net.remove: {process!r} is not a process or recorder of this network")

    def _agenda(self) -> list[tuple[int, Any]]:
        """(period in steps, process) of all that is called between steps."""
        slow = [*self.processes, *[r for r in self.recorders if isinstance(r, Snapshots)]]
        return [(round(p.every / self.dt), p) for p in slow]

    def _spikes_for(self, process: Any) -> tuple[np.ndarray, np.ndarray]:
        parts = self._pending[id(process)]
        nobody = np.zeros(0, np.int64)
        joined = np.concatenate([nobody, *[p[0] for p in parts]]), np.concatenate([nobody, *[p[1] for p in parts]])
        self._pending[id(process)] = []
        return joined

    def _listeners(self) -> list[Any]:
        return [r for r in self.recorders if isinstance(r, SpikeRecorder | RateRecorder)]

    def _follow(self) -> None:
        """Neurons have come or gone: spike and rate recorders follow their populations."""
        for recorder in self._listeners():
            recorder.follow(listening.who(recorder.targets))

    def record(
        self, target: Any, what: str = "spikes", *, every: float | None = None, window: tuple[float, float] | None = None,
        ring: float | None = None, keep_edges: bool = False,
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

        Returns
        -------
        SpikeRecorder, RateRecorder, StateRecorder, WeightRecorder or EdgeRecorder
        """
        return listening.record(self, target, what, every=every, window=window, ring=ring, keep_edges=keep_edges)

    # ---- running ----------------------------------------------------------------------------------------------------

    def run(self, duration: float, *, progress: bool | None = None, threads: int = 1) -> None:
        """Advance the network by `duration` (ms).

        Parameters
        ----------
        duration : float
            ms, a multiple of dt.
        progress : bool, optional
            Show a live line; by default where somebody may be looking.
        threads : int
            1: the engine runs on one thread so far.

        Raises
        ------
        RunError
            Duration off the grid; a state that is no number any more.
        """
        steps = duration_steps(plain("run(duration)", duration, "ms"), self.dt)
        if threads != 1:
            raise RunError(f"run(threads={threads!r}): one thread so far; there is no GPU back end either. Leave threads out")
        if self._running:
            raise RunError("run: the network is running already; a process must not call run")
        self._running = True
        try:
            running.run(self, steps, progress)
        finally:
            self._running = False
            for recorder in self.recorders:
                recorder.reach(self.step)

    def rng(self, *names: object) -> np.random.Generator:
        """A NumPy generator that depends on the seed, these names and the step only: for processes and users' own draws."""
        return np.random.Generator(np.random.Philox(key=int(stream_key(self.seed, "python", *names)), counter=self.step))

    def key(self, *names: object) -> int:
        """A 32-bit key from the seed, these names and the step: for choices by hash."""
        return int(stream_key(self.seed, *names, self.step))

    def reset(self) -> None:
        """Back to the start: clock, membrane states, traces, spikes in flight and recordings; graph and weights stay.

        The history is kept; everything else comes back with `restore`.
        """
        engine = self.engine
        for pool in engine.pools:
            if hasattr(pool, "reset"):
                pool.reset(self.first_step)
            pool.drop_notes(1 << 62)
        engine.step = self.first_step
        engine.ring[:] = 0.0
        engine.recent_step = engine.recent_place = np.zeros(0, np.int64)
        for population in self.populations.values():
            self._start_state(population, np.arange(len(population)))
        for one in engine.applied:
            one.memory = np.zeros_like(one.memory)
        for pending in self._pending.values():
            pending.clear()
        for recorder in self.recorders:
            recorder.clear(self.first_step)
        for process in self.processes:
            if hasattr(process, "reset"):
                process.reset(self)
        engine.refresh()

    # ---- memory, saving ---------------------------------------------------------------------------------------------

    def estimate(self, pre: Any = None, post: Any = None, rule: Any = None, *, dtype: str = "float64") -> dict[str, float]:
        """Memory: of the network as it is, or of a connection before it is made.

        Returns
        -------
        dict
            "synapses", "bytes" (when built), "peak_bytes" (while it is built), "free_bytes" now.
        """
        free = connecting.available_memory()
        if rule is None:
            size = sum(pool.nbytes for pool in self.engine.pools) + sum(b.nbytes for b in self.engine.blocks) + self.engine.ring.nbytes
            return {"synapses": float(self.n_synapses), "bytes": float(size), "peak_bytes": float(size), "free_bytes": free}
        edges = 0.0
        for source in parts_of(pre, self, "estimate(pre)"):
            for target in parts_of(post, self, "estimate(post)"):
                edges += connecting.expected_edges(connecting.as_rule(rule), len(source), len(target))
        size = edges * (4 + connecting.DTYPES[dtype]) * 1.1
        return {"synapses": edges, "bytes": size, "peak_bytes": edges * (40 + connecting.DTYPES[dtype]), "free_bytes": free}

    def store(self, name: str = "default") -> None:
        """Keep the whole state in memory under a name, recordings included."""
        from neurosim import snapshot

        self._snapshots[name] = snapshot.export(self)

    def restore(self, name: str = "default") -> None:
        """Go back to what `store` kept, in place: handles and recorders stay valid."""
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

        manifest, arrays, _ = snapshot.export(self)
        checkpoint.write(path, manifest, arrays)

    # ---- looks ------------------------------------------------------------------------------------------------------

    def card(self) -> dict[str, str]:
        """What repr and notebooks show."""
        size = self.estimate()["bytes"]
        return {
            "time": f"{self.now:g} ms", "dt": f"{self.dt:g} ms", "seed": str(self.seed),
            "neurons": f"{self.n_neurons:,} in {len(self.populations)} populations",
            "synapses": f"{self.n_synapses:,} in {len(self.projections)} projections",
            "regions": ", ".join(self.regions) or "none", "memory": f"{size / 1e6:,.1f} MB",
            "born / died": f"{self.history.born:,} / {self.history.died:,}",
        }  # fmt: skip

    def __repr__(self) -> str:
        return "Network(" + ", ".join(f"{k} {v}" for k, v in self.card().items()) + ")"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{k}</th><td style='text-align:left'>{v}</td></tr>" for k, v in self.card().items())
        return f"<table><caption>neurosim network</caption>{rows}</table>"


def load(
    path: str, *, functions: Mapping[str, Callable[..., Any]] | None = None, models: Mapping[str, type] | None = None
) -> Network:
    """The network that `Network.save` wrote; it continues bit by bit as the saved one would.

    Parameters
    ----------
    path : str
    functions : mapping of str to function, optional
        The user's functions (callbacks, partner rules) by name: a save names them and keeps a fingerprint.
    models : mapping of str to class, optional
        The user's classes.

    Raises
    ------
    SaveError
        Nothing there, damaged, of an unknown version, or a function is missing or has changed.
    """
    from neurosim import checkpoint, snapshot

    manifest, arrays = checkpoint.read(path)
    net = Network(dt=manifest["dt"], seed=manifest["seed"], default_delay=manifest["default_delay"])
    snapshot.take(net, manifest, arrays, {"functions": dict(functions or {})}, models or {})
    return net
