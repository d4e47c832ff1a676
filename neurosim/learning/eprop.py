"""e-prop: recurrent networks of spiking neurons learn from errors, without a pass back through the network in time.

The process watches pseudo-derivatives and readouts at every step; at the end of each interval it changes weights.  It knows
projections, populations and the steps that the engine shows it, and no pool.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neurosim import ranks
from neurosim.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_probability,
    did_you_mean,
    steps_of,
)
from neurosim.errors import ParameterError
from neurosim.learning.feedback import RULES, Feedback, places
from neurosim.learning.histories import StepHistory
from neurosim.learning.optimizers import GradientDescent, Optimizer, SynapseMemory
from neurosim.learning.targets import check_target, errors_of, target_of
from neurosim.neurons.eprop import EPropALIF, EPropLIF, EPropReadout

if TYPE_CHECKING:
    from neurosim.network import Network

LOSSES = ("squared_error", "cross_entropy")
NOBODY = np.zeros(0, np.int64)


class EProp:
    """Changes weights at the end of each interval by e-prop: sum over steps of learning signal times eligibility trace.

    Of a synapse from i to j: z' = alpha z + x, e = psi (z - beta eps), eps' = rho eps + e; gradient = sum_t L_j F(e) +
    c_reg (f_j - f_target) / T sum_t e, with L_j = sum_k B_jk (y_k - y*_k) and F the low-pass of the readout.  Of a synapse to
    readout k: sum_t (y_k - y*_k) F(x).  Traces begin anew with each interval.  Class: stepwise history; what is kept is one
    number for each neuron and step of one interval (`nbytes`), and the sums are done backwards in time, once for each neuron
    and then once for each spike and synapse.

    Parameters
    ----------
    readout : Population
        Of `EPropReadout`.
    target : array, or function of the interval's number
        y*: [steps, readouts] for all intervals, [intervals, steps, readouts] in turn, a class [intervals] (cross_entropy), or
        ``f(number)`` that returns [steps, readouts] or a class; number 0 is the interval that begins at time 0.
    projections : Projection, or a list of them
        Those that learn, onto populations of `EPropLIF`, `EPropALIF` or onto the readout.
    every : float
        Length of an interval (ms): a trial, after which neurons start from rest.
    window : float, optional
        Errors count only in the last `window` ms; default: all of the interval.
    loss : {"squared_error", "cross_entropy"}
        1/2 sum (y - y*)^2 with y the voltage, or -sum y* log y with y the softmax of the voltages.
    feedback : {"random", "symmetric", "adaptive"} or array [recurrent neurons, readouts]
        B: drawn once (normal, sd 1 / sqrt(neurons)), the weights to the readout as they are, or drawn and then changed as
        they change.  An array has its rows in the order of `recurrent`.
    optimizer : GradientDescent or Adam
    batch : int
        Intervals whose mean gradient makes one update.
    average : bool
        Divide gradient and loss by the steps of the window.
    c_reg, f_target : float
        Strength of the pull on each neuron's firing, towards `f_target` (Hz).
    w_min, w_max : float
        Bounds of the weights.
    feedback_decay : float
        Part of the weights to the readout and of B that is lost at each update, with feedback="adaptive".
    restart : bool
        Begin each interval with all e-prop neurons at rest and deaf to what is still on its way to them.

    Attributes
    ----------
    loss_curve : float64 [intervals]
    choices : int64 [intervals]
        The readout that was largest on average in the window.
    output : float64 [steps, readouts]
        y of the last interval.
    recurrent : list of Population
    feedback : float64 [recurrent neurons, readouts]
    learning : bool
        Settable: False measures the loss only.

    Notes
    -----
    All synapses onto the readout have one delay d: what neurons fire at step t is read at t + d.  The readout must hear
    nothing but these.  A synapse born within an interval learns as if it had been there from its beginning.  NEST's
    `eprop_synapse_bsshslm_2020` is the case of delays of one step and ``restart=True``; F is there always of gain 1.

    Examples
    --------
    >>> import numpy as np, neurosim as ns
    >>> frozen = np.random.default_rng(1).random((200, 30)) < 0.05  # the same noise in each of 60 trials
    >>> step, source = np.nonzero(np.tile(frozen, (60, 1)))
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> noise = net.add_population("noise", ns.SpikeSource(index=source, time=step + 1.0), 30)
    >>> rec = net.add_population("rec", ns.EPropLIF(v_th=0.5, t_ref=3.0), 60)
    >>> out = net.add_population("out", ns.EPropReadout(scale_input=True), 1)
    >>> w_in = net.connect(noise, rec, ns.all_to_all(), weight=ns.normal(0.0, 0.2), delay=1.0)
    >>> w_rec = net.connect(rec, rec, ns.all_to_all(), weight=ns.normal(0.0, 0.08), delay=1.0)
    >>> w_out = net.connect(rec, out, ns.all_to_all(), weight=ns.normal(0.0, 0.3), delay=1.0)
    >>> wave = np.sin(np.linspace(0.0, 2 * np.pi, 200))
    >>> rule = net.add(ns.EProp(out, wave, [w_in, w_rec, w_out], every=200.0, optimizer=ns.Adam(eta=0.01)))
    >>> net.run(60 * 200.0)
    >>> bool(rule.loss_curve[-10:].mean() < 0.2 * rule.loss_curve[0])
    True

    References
    ----------
    Bellec et al. (2020) Nature Communications 11:3625.
    """

    def __init__(
        self, readout: Any, target: np.ndarray | Callable[[int], Any], projections: Any, *, every: float, window: float | None = None,
        loss: Literal["squared_error", "cross_entropy"] = "squared_error", feedback: str | np.ndarray = "random",
        optimizer: Optimizer | None = None, batch: int = 1, average: bool = False, c_reg: float = 0.0, f_target: float = 10.0,
        w_min: float = -np.inf, w_max: float = np.inf, feedback_decay: float = 0.0, restart: bool = True,
    ) -> None:  # fmt: skip
        self.readout = _population(readout)
        self._given = _projections(projections, self.readout)
        self.every = check_positive("EProp.every", every, "ms")
        self.window = None if window is None else check_positive("EProp.window", window, "ms")
        if loss not in LOSSES:
            raise ParameterError(f"EProp.loss: must be one of {', '.join(LOSSES)}, got {loss!r}.{_hint(loss, LOSSES)}")
        self.loss = loss
        self.target = target if callable(target) else np.array(target)
        self._feedback = _feedback(feedback, self.readout, lambda: self.recurrent)
        self.optimizer = GradientDescent() if optimizer is None else optimizer
        if not hasattr(self.optimizer, "change") or isinstance(self.optimizer, type):
            raise ParameterError(
                f"EProp.optimizer: needs an optimiser such as ns.GradientDescent(eta=1e-4) or ns.Adam(eta=1e-3), got {optimizer!r}"
            )
        self.batch = check_count("EProp.batch", batch, least=1)
        self.average, self.restart = bool(average), bool(restart)
        self.c_reg = check_not_negative("EProp.c_reg", c_reg)
        self.f_target = check_not_negative("EProp.f_target", f_target, "Hz")
        self.w_min = check_number("EProp.w_min", w_min, allow_infinite=True)
        self.w_max = check_number("EProp.w_max", w_max, allow_infinite=True)
        if self.w_min >= self.w_max:
            raise ParameterError(f"EProp.w_max: must be above w_min = {self.w_min:g}, got {self.w_max:g}")
        self.feedback_decay = check_probability("EProp.feedback_decay", feedback_decay)
        self.learning = True
        self.name = "EProp"
        self._histories: dict[int, StepHistory] = {}
        self._memory: dict[int, SynapseMemory] = {}
        self._losses: list[float] = []
        self._choices: list[int] = []
        self._deaf: dict[int, int] = {}
        self._spike_step = self._spike_uid = NOBODY
        self._count = self._first = 0
        self._whole = False

    # ---- what it works on -------------------------------------------------------------------------------------------

    @property
    def parts(self) -> list[Any]:
        """The projections that learn and still exist."""
        return [p for p in self._given if p.alive]

    @property
    def recurrent(self) -> list[Any]:
        """The populations of spiking e-prop neurons, in the order in which the projections name them first."""
        return list({p.target.number: p.target for p in self.parts if p.target is not self.readout}.values())

    @property
    def feedback(self) -> np.ndarray:
        """B as it is now, float64 [recurrent neurons, readouts]."""
        return self._feedback.table

    @property
    def loss_curve(self) -> np.ndarray:
        """Loss of each interval so far."""
        return np.array(self._losses)

    @property
    def choices(self) -> np.ndarray:
        """The largest readout in each interval so far."""
        return np.array(self._choices, np.int64)

    # ---- the protocol of a process ----------------------------------------------------------------------------------

    def start(self, net: "Network") -> None:
        """Check against the network and begin to watch; the first interval that counts is the first whole one."""
        ranks.refuse("EProp", "its readout and histories look at all neurons in each step; run it without mpirun")
        self._net = net
        self._steps = steps_of("EProp.every", self.every, net.dt, least=1)
        self._window = self._steps if self.window is None else steps_of("EProp.window", self.window, net.dt, least=1)
        if self._window > self._steps:
            raise ParameterError(
                f"EProp.window: must not be longer than every = {self.every:g} ms, got {self.window:g} ms"
            )
        if self.readout.network is not net or any(p.network is not net for p in self.parts):
            raise ParameterError("EProp: readout and projections must belong to the network that it is added to")
        self._delay()
        if not callable(self.target):
            check_target(self.target, self._steps, len(self.readout), self.loss)
        self._feedback.start(net)
        self._memory = {id(p): SynapseMemory(self.optimizer.kept + (self.batch > 1)) for p in self._given}
        self._forget()
        self._begin(net)

    def reset(self, net: "Network") -> None:
        """The clock is back: forget losses, spikes and half batches; weights, feedback and moments stay."""
        self._forget()
        for memory in self._memory.values():
            memory.table[: int(self.batch > 1)] = 0.0
        self._begin(net)

    def stop(self, net: "Network") -> None:
        """Watch no longer."""
        for history in self._histories.values():
            history.stop(net.engine)

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes of the interval that has ended, behind those from before it that arrive in it."""
        self._spike_step = np.concatenate([self._spike_step, stamp - 1])
        self._spike_uid = np.concatenate([self._spike_uid, uid])

    def advance(self, net: "Network") -> None:
        """End the interval: measure, learn, put the neurons to rest, begin the next."""
        if self._whole:
            self._end(net)
        self._deaf = {}
        if self.restart:
            for population in self._trial_populations(net):
                self._put_to_rest(net, population)
        late = self._spike_step >= net.step - (0 if self.restart else net.engine.most_delay)
        self._spike_step, self._spike_uid = self._spike_step[late], self._spike_uid[late]
        self._begin(net)

    # ---- intervals --------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._losses, self._choices, self._deaf, self._count = [], [], {}, 0
        self._spike_step = self._spike_uid = NOBODY
        self.output = np.zeros((0, len(self.readout)))

    def _begin(self, net: "Network") -> None:
        """Watch the interval in which `net.step` lies."""
        self._first = net.step - net.step % self._steps
        self._whole = net.step == self._first
        wanted = {p.number: (p, "psi") for p in self.recurrent} | {self.readout.number: (self.readout, "v")}
        for number in [n for n in self._histories if n not in wanted]:
            self._histories.pop(number).stop(net.engine)
        for number, (population, variable) in wanted.items():
            if number not in self._histories:
                self._histories[number] = StepHistory(population, variable)
            self._histories[number].begin(net.engine, self._first, self._steps)

    def _trial_populations(self, net: "Network") -> list[Any]:
        """The readout and all e-prop neurons that it hears, that learn, or whom those that learn hear."""
        sources = [
            p.source for p in (*self.parts, *net.projections.values()) if p in self.parts or p.target is self.readout
        ]
        spiking = [s for s in sources if isinstance(s.model, EPropLIF | EPropALIF)]
        return list({p.number: p for p in (self.readout, *self.recurrent, *spiking)}.values())

    def _put_to_rest(self, net: "Network", population: Any) -> None:
        """Voltage, adaptation and refractoriness to 0; nothing is heard for the longest delay onto the population."""
        block, piece = net.engine.home[population.number]
        here = slice(piece.first, piece.first + piece.n)
        wires = [p.wire for p in net.projections.values() if p.target is population and p.wire.most_delay >= 0]
        deaf = max((w.most_delay + w.axonal for w in wires), default=0)
        block.state[:, here] = 0.0
        block.state[block.variables.index("z"), here] = -deaf
        block.waiting[here] = 0
        self._deaf[population.number] = deaf

    def _end(self, net: "Network") -> None:
        """Measure the loss; compute gradients, and the weights at the end of a batch."""
        number = self._first // self._steps
        value = self.target(number) if callable(self.target) else self.target
        target = target_of(value, number, self._steps, len(self.readout), self.loss, called=callable(self.target))
        self.output, error, loss = errors_of(self._voltage(net), target, self.loss, self._window)
        scale = 1.0 / self._window if self.average else 1.0
        self._losses.append(loss * scale)
        self._choices.append(int(self.output[-self._window :].mean(axis=0).argmax()))
        if not self.learning:
            return
        credits = self._credits(net, error)
        self._count += 1
        due = self._count % self.batch == 0
        changed = [self._learn(net, p, credits[p.target.number], scale, due) for p in self.parts]
        if due and self._feedback.rule == "adaptive":
            self._feedback.mirror(changed, self.feedback_decay)

    # ---- gradients --------------------------------------------------------------------------------------------------

    def _delay(self) -> int:
        """Steps from a spike to the readout: one for all its synapses."""
        wires = [p.wire for p in self._net.projections.values() if p.target is self.readout and p.wire.most_delay >= 0]
        delays = {d for w in wires for d in (w.least_delay, w.most_delay)}
        if len(delays) > 1 or any(w.axonal for w in wires):
            raise ParameterError(
                f"EProp: all synapses onto the readout {self.readout.name!r} must have the same delay and no axonal one, got "
                f"{', '.join(f'{d * self._net.dt:g}' for d in sorted(delays))} ms; connect them with delay={self._net.dt:g}"
            )
        delay = delays.pop() if delays else 1
        if delay > self._steps:
            raise ParameterError(
                f"EProp.every: must be at least the delay to the readout ({delay * self._net.dt:g} ms), got {self.every:g} ms"
            )
        return int(delay)

    def _voltage(self, net: "Network") -> np.ndarray:
        """Voltage of the readouts when they have heard the spikes of each step, float64 [steps, readouts].

        What they hear after the interval's end is on its way already, so their last steps follow without a run.
        """
        history, delay = self._histories[self.readout.number], self._delay()
        uid = self.readout.uid
        if not np.array_equal(uid, history.uid):
            raise ParameterError(
                f"EProp.readout: neurons of {self.readout.name!r} came or went within an interval; do it in ns.Callback(..., every={self.every:g})"
            )
        block, piece = net.engine.home[self.readout.number]
        p = _coefficients(self.readout, net.dt, uid.size)
        v = history.values[-1].copy()
        voltage = np.concatenate([history.values[delay:], np.zeros((delay, uid.size))])
        ring = net.engine.ring
        column = block.column0 + piece.first + np.arange(piece.n)
        for k in range(delay):
            v = p["gain"] * ring[(net.step + k) & (ring.shape[0] - 1), column] + v * p["decay"]
            voltage[self._steps - delay + k] = v
        return voltage

    def _credits(self, net: "Network", error: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray, int, int]]:
        """By population: (uids, what an arrival at each step is worth [steps, neurons], steps by which arrivals are earlier there, first heard)."""
        from neurosim.kernels.eprop import readout_credit, recurrent_credit

        p = _coefficients(self.readout, net.dt, error.shape[1])
        filtered = np.zeros_like(error)
        readout_credit(error, p["decay"], p["gain"], filtered)
        credits = {self.readout.number: (self.readout.uid, filtered, self._delay(), 0)}
        for population in self.recurrent:
            history = self._histories[population.number]
            uid, psi = history.uid, history.values
            alive = np.isin(uid, population.uid)
            if not alive.all():
                uid, psi = uid[alive], np.ascontiguousarray(psi[:, alive])
            p = _coefficients(population, net.dt, uid.size, np.searchsorted(population.uid, uid))
            rate = np.bincount(places(uid, self._spike_uid[self._spike_step >= self._first]), minlength=uid.size + 1)
            regular = self.c_reg * (rate[: uid.size] / self._steps - self.f_target * 1e-3 * net.dt) / self._steps
            zeros = np.zeros((2, uid.size))
            still = np.zeros(uid.size)
            recurrent_credit(
                psi, filtered, self._feedback.of(population, uid), regular, p["decay"], p["gain"],
                p.get("beta", still), p.get("rho", still), zeros[0], zeros[1],
            )  # fmt: skip
            credits[population.number] = uid, psi, 0, self._deaf.get(population.number, 0)
        return credits

    def _learn(
        self, net: "Network", projection: Any, credit: tuple[np.ndarray, np.ndarray, int, int], scale: float, due: bool
    ) -> tuple[Any, np.ndarray]:
        """Gradient of each synapse, and at the end of a batch its new weight; returns edges and changes."""
        edges = projection.edges()
        gradient = scale * self._gradient(projection, edges, credit)
        memory = self._memory[id(projection)]
        kept = memory.table[:, :0]
        if memory.table.shape[0] and len(edges):
            projection.pool.want_ident()
            kept = memory.of(projection.pool.ident[projection.pool.places_of(edges.row, edges.slot)])
        if self.batch > 1 and len(edges):
            kept[0] += gradient
            gradient = kept[0] / self.batch
        if not due or not len(edges):
            return edges, np.zeros(len(edges))
        rule = projection.plasticity
        low, high = max(self.w_min, getattr(rule, "w_min", -np.inf)), min(self.w_max, getattr(rule, "w_max", np.inf))
        old = edges.weight
        edges.set_weight(np.clip(old + self.optimizer.change(gradient, kept[int(self.batch > 1) :]), low, high))
        if self.batch > 1:
            kept[0] = 0.0
        return edges, edges.weight - old

    def _gradient(self, projection: Any, edges: Any, credit: tuple[np.ndarray, np.ndarray, int, int]) -> np.ndarray:
        from neurosim.kernels.eprop import gather

        uid, worth, shift, earliest = credit
        source = projection.source.uid
        mine = np.isin(self._spike_uid, source)
        post = places(uid, edges.post)
        gradient = np.zeros(len(edges))
        gather(
            np.append(np.searchsorted(edges.pre, source), len(edges)), np.where(post < uid.size, post, -1),
            edges.steps + (projection.wire.axonal - shift), np.searchsorted(source, self._spike_uid[mine]),
            self._spike_step[mine] - self._first, earliest, worth, gradient,
        )  # fmt: skip
        return gradient

    # ---- saving, looks ----------------------------------------------------------------------------------------------

    @property
    def nbytes(self) -> int:
        """Memory (bytes): histories of one interval, feedback, and what the optimiser keeps for each synapse."""
        held = sum(h.values.nbytes for h in self._histories.values())
        return int(held + self._feedback.values.nbytes + sum(m.nbytes for m in self._memory.values()))

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        numbers = [self._count, int(self.learning), self._first, int(self._whole)]
        kept = {
            "numbers": np.array(numbers, np.int64), "losses": self.loss_curve, "choices": self.choices, "output": self.output,
            "spike_step": self._spike_step, "spike_uid": self._spike_uid,
            "deaf": np.array(list(self._deaf.items()), np.int64).reshape(-1, 2),
        } | self._feedback.arrays()  # fmt: skip
        for number, history in self._histories.items():
            kept |= {f"steps{number}": history.values[: history.filled].copy(), f"uid{number}": history.uid}
        for k, projection in enumerate(self.parts):
            memory = self._memory[id(projection)]
            kept |= {f"ident{k}": memory.ident, f"memory{k}": memory.table.copy()}
        return kept

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self._count, learning, first, whole = (int(x) for x in arrays["numbers"])
        self.learning = bool(learning)
        self._losses, self._choices = arrays["losses"].tolist(), arrays["choices"].tolist()
        for name in ("spike_step", "spike_uid"):
            setattr(self, f"_{name}", np.array(arrays[name]))
        self.output = np.array(arrays["output"])
        self._deaf = {int(number): int(steps) for number, steps in arrays["deaf"]}
        self._feedback.set_arrays(arrays)
        self._begin(self._net)
        self._first, self._whole = first, bool(whole)
        for number, history in self._histories.items():
            rows = arrays[f"steps{number}"]
            history.begin(self._net.engine, first, self._steps, np.array(arrays[f"uid{number}"]))
            history.values[: rows.shape[0]] = rows
            history.filled = rows.shape[0]
        for k, projection in enumerate(self.parts):
            memory = self._memory[id(projection)]
            memory.ident, memory.table = np.array(arrays[f"ident{k}"]), np.array(arrays[f"memory{k}"])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "readout", "target", "every", "window", "loss", "optimizer", "batch", "average", "c_reg", "f_target", "w_min", "w_max",
            "feedback_decay", "restart",
        )  # fmt: skip
        feedback = self.feedback if self._feedback.rule == "given" else self._feedback.rule
        return {name: getattr(self, name) for name in names} | {"projections": self.parts, "feedback": feedback}

    def card(self) -> dict[str, str]:
        """What repr shows."""
        return {
            "readout": self.readout.name, "learns": ", ".join(p.name for p in self.parts), "every": f"{self.every:g} ms",
            "loss": self.loss, "feedback": self._feedback.rule, "evaluation": "stepwise history",
            "memory": f"{self.nbytes / 1e6:.3g} MB" if self._histories else "not yet",
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"EProp({', '.join(f'{name} {value}' for name, value in self.card().items())})"


def _hint(name: object, known: Iterable[str]) -> str:
    return did_you_mean(str(name), known)


def _population(readout: Any) -> Any:
    if not isinstance(getattr(readout, "model", None), EPropReadout):
        raise ParameterError(
            f"EProp(readout): needs a population of readouts such as net.add_population('out', ns.EPropReadout(), 1), got {readout!r}"
        )
    return readout


def _feedback(feedback: Any, readout: Any, recurrent: Callable[[], list[Any]]) -> Feedback:
    if isinstance(feedback, str):
        if feedback not in RULES:
            raise ParameterError(
                f"EProp.feedback: must be one of {', '.join(RULES)} or an array, got {feedback!r}.{_hint(feedback, RULES)}"
            )
        return Feedback(feedback, None, readout, recurrent)
    try:
        given = np.array(feedback, np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            f"EProp.feedback: must be one of {', '.join(RULES)} or an array of numbers, got {feedback!r}"
        ) from None
    return Feedback("given", given, readout, recurrent)


def _projections(projections: Any, readout: Any) -> list[Any]:
    given = [projections] if hasattr(projections, "has_edge") else list(projections) if np.iterable(projections) else []
    if not given or not all(hasattr(p, "has_edge") for p in given):
        raise ParameterError(
            f"EProp(projections): needs projections as net.connect gives them, such as [w_in, w_rec, w_out], got {projections!r}"
        )
    for p in given:
        p._check_alive()
        if p.target is not readout and not isinstance(p.target.model, EPropLIF | EPropALIF):
            raise ParameterError(
                f"EProp(projections): {p.name!r} ends in {type(p.target.model).__name__}; synapses learn only onto ns.EPropLIF, ns.EPropALIF "
                f"or the readout {readout.name!r}"
            )
    if len({id(p) for p in given}) < len(given):
        raise ParameterError("EProp(projections): names a projection twice")
    return given


def _coefficients(population: Any, dt: float, n: int, place: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Coefficients of a population's model, float64 [n] each; of the neurons at `place`."""
    _, piece = population.network.engine.home[population.number]
    derived = population.model.physics.derive(piece.parameters, dt)
    out = {}
    for name, value in derived.items():
        value = np.asarray(value, np.float64)
        out[name] = np.full(n, float(value)) if value.ndim == 0 else value if place is None else value[place]
    return out
