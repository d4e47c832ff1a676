"""Cells that win a race and learn when they are told to, and the rules of their synapses: mean, echo, taught minus guessed.

Know scalars of one cell or one synapse: no network, no images, no classes.  The functions of the rules are not called from here:
kernels/events.py takes their source into compiled loops.

A race says who answers, not that it was right.  So nothing is learnt at the spikes of the race; a pacemaker at `now` says later
that it is time (now print), and the cells that have won since the last flush then learn: `printing` is what their synapses see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_not_negative, check_positive, names_checked, settle
from neurosim.memory.racing import race
from neurosim.neurons.custom import neuron_model
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees

_RACE = {"v": 0.0, "gathered": 0.0, "phase": 0.0, "racing": 0.0, "bar": 0.0}
_RECEPTORS = {"support": 0, "detonate": 1, "go": 0, "stop": -1, "now": 1}
_RACER = {"theta": 1.0, "ceiling": 10.0, "least": 1.0, "rise": 1.0, "hold": 2.0, "noise": 0.0}
_LIMITS = dict.fromkeys(("theta", "ceiling", "least", "rise"), "finite") | {"hold": "positive", "noise": "not negative"}


def _per_step(hold, dt):  # type: ignore[no-untyped-def]
    return {"per": dt / hold}


@neuron_model(
    state={"drive": 0.0, "count": 0.0, "printing": 0.0}, receptors=_RECEPTORS, receptor_unit="",
    params={"scale": 1.0}, limits={"scale": "positive"},
)  # fmt: skip
def Sensor(drive, count, printing, support, detonate, go, stop, now, uniform, scale):  # type: ignore[no-untyped-def]
    """A cell that the world makes fire (`detonate`), and that in sleep fires by itself as often as its engrams say.

    What arrives at `support` stays until a spike of -1 at `go` begins a new cycle; at each spike of +1 the cell fires with this
    sum as probability.  It counts its own spikes in a cycle; at `now` its synapses see 1 + count.

    Parameters
    ----------
    scale : float
        By which the drive is multiplied.
    """
    drive = (0.0 if go < 0.0 else drive) + scale * support
    fires = detonate > 0.0 or (go > 0.0 and drive + uniform >= 1.0)
    count = (0.0 if go < 0.0 else count) + (1.0 if fires else 0.0)
    printing = 1.0 + count if now > 0.0 else 0.0
    return drive, count, printing, fires


@neuron_model(
    state=_RACE | {"won": 0.0, "wins": 0.0, "printing": 0.0}, receptors=_RECEPTORS, derive=_per_step, units={"hold": "ms"},
    limits=_LIMITS, receptor_unit="", params=_RACER,
)  # fmt: skip
def Engram(  # type: ignore[no-untyped-def]
    v, gathered, phase, racing, bar, won, wins, printing, support, detonate, go, stop, now, uniform, per, theta, ceiling, least,
    rise, noise,
):  # fmt: skip
    """A `NoisyCoincidence` cell that, at `now`, fires again and learns if it has won: 1 / wins, the rate of a running mean."""
    chance = noise * uniform
    v, gathered, phase, racing, bar, fires = race(
        v, gathered, phase, racing, bar, support, detonate, go, stop, per, theta, ceiling, least, rise, chance
    )
    won = 1.0 if fires else (0.0 if go < 0.0 else won)
    prints = now > 0.0 and won > 0.0
    wins = wins + 1.0 if prints else wins
    printing = 1.0 / wins if prints else 0.0
    return v, gathered, phase, racing, bar, won, wins, printing, fires or prints


@neuron_model(
    state=_RACE | {"taught": 0.0, "guessed": 0.0, "printing": 0.0}, receptors=_RECEPTORS | {"teach": 1}, derive=_per_step,
    units={"hold": "ms"}, limits=_LIMITS | {"bonus": "not negative"}, receptor_unit="", params=_RACER | {"bonus": 0.0},
)  # fmt: skip
def Name(  # type: ignore[no-untyped-def]
    v, gathered, phase, racing, bar, taught, guessed, printing, support, detonate, go, stop, now, teach, uniform, per, theta,
    ceiling, least, rise, noise, bonus,
):  # fmt: skip
    """A `NoisyCoincidence` cell with a teacher: at `now` its synapses see 2 + taught - guessed (2: nothing to learn).

    A spike at `teach` marks it as taught, and counts as a support of `bonus` (0: the teacher does not whisper the answer);
    a spike of its own in the race, and nothing else, marks it as guessed.
    """
    chance = noise * uniform
    v, gathered, phase, racing, bar, fires = race(
        v,
        gathered,
        phase,
        racing,
        bar,
        support + bonus * teach,
        detonate,
        go,
        stop,
        per,
        theta,
        ceiling,
        least,
        rise,
        chance,
    )
    taught = 1.0 if teach > 0.0 else (0.0 if go < 0.0 else taught)
    guessed = 1.0 if fires and not detonate > 0.0 else (0.0 if go < 0.0 else guessed)
    printing = 2.0 + taught - guessed if now > 0.0 else 0.0
    return v, gathered, phase, racing, bar, taught, guessed, printing, fires


@neuron_model(
    state={"sum": 0.0}, receptors={"heard": 1, "hushed": -1}, limits={"quorum": "finite"}, receptor_unit="",
    params={"quorum": 1.0},
)  # fmt: skip
def Gate(sum, heard, hushed, quorum):  # type: ignore[no-untyped-def]
    """A threshold unit: it fires when the weights of what arrives in one step sum to `quorum` (McCulloch & Pitts 1943)."""
    sum = heard + hushed
    return sum, sum >= quorum


def printed(printing):  # type: ignore[no-untyped-def]
    """When a cell learns, and what its synapses see of it."""
    return printing


def to_mean(w, x, value, gain, decay):  # type: ignore[no-untyped-def]
    """The weight moves towards what its source has done in this cycle, by the share that the cell tells."""
    return w + value * (gain * x - decay * w)


def to_echo(w, n, x, value, cycles, recent):  # type: ignore[no-untyped-def]
    """Where the engram has just fired, the weight moves towards the share of volleys in which the sensor took part."""
    n = n + 1.0 if x > recent else n
    return (w + ((value - 1.0) / cycles - w) / n if x > recent else w), n


def to_teacher(w, x, value, up, down, recent):  # type: ignore[no-untyped-def]
    """Synapses that were active gain at a cell that was taught and lose at one that guessed: nothing if it did both."""
    return w if x < recent else w + (up if value > 2.5 else (-down if value < 1.5 else 0.0))


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """Synapses onto an engram: w += (gain x - decay w) / wins, when it learns (an instar with the rate of a running mean).

    x is the source's trace.  With `decay` 1 the weights are the mean of what the engram was recruited and won for; a mean of
    different patterns is shorter than each of them and would lose races against an engram that won only once.  A little below
    1, as in Oja's rule the support is, keeps the length about the same.

    Parameters
    ----------
    gain : float
        So that x gain is 1 for a source that fired in all volleys.
    decay : float
    tau : float
        Time constant (ms) of the source's trace: long enough to be there when the race is over, short enough to be gone in the next.
    w_min, w_max, sees
        As for `PairSTDP`.

    References
    ----------
    Grossberg (1976) Biol. Cybern. 23:121; Oja (1982) J. Math. Biol. 15:267.
    """

    gain: float = 1.0
    decay: float = 0.9
    tau: float = 30.0
    w_min: float = 0.0
    w_max: float = 2.0
    sees: str = "spikes"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "gain", check_positive)
        settle(self, "decay", check_not_negative)
        settle(self, "tau", check_positive, "ms")
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MEAN


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """Synapses from an engram to its sensors: the running mean of the share of volleys in which the sensor fired (an outstar).

    Parameters
    ----------
    cycles : float
        Volleys of a presentation.
    tau, recent : float
        The engram's trace (time constant in ms) and where it counts as just having fired.
    w_min, w_max, sees
        As for `PairSTDP`.
    """

    cycles: float = 8.0
    tau: float = 4.0
    recent: float = 0.3
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "spikes"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "cycles", check_positive)
        settle(self, "tau", check_positive, "ms")
        settle(self, "recent", check_positive)
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _ECHO


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """Synapses that were active gain `up` at a cell that was taught and did not fire, lose `down` at one that fired untaught.

    Rosenblatt's rule for cells with bounded, positive weights: what is learnt is the difference between teacher and guess.

    Parameters
    ----------
    up, down : float
        Steps of the weight.
    tau, recent : float
        The source's trace (time constant in ms) and where it counts as active.
    w_min, w_max, sees
        As for `PairSTDP`.

    References
    ----------
    Rosenblatt (1958) Psychol. Rev. 65:386.
    """

    up: float = 0.025
    down: float = 0.025
    tau: float = 100.0
    recent: float = 0.05
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "spikes"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "up", check_not_negative)
        settle(self, "down", check_not_negative)
        settle(self, "tau", check_positive, "ms")
        settle(self, "recent", check_positive)
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _TAUGHT


_MEAN = Mechanism(
    "mean", traces=(("x", Trace("pre", "tau")),), parameters=("gain", "decay", "tau", "w_min", "w_max"), on_post=to_mean,
    post_event=printed,
)  # fmt: skip
_ECHO = Mechanism(
    "echo", traces=(("x", Trace("pre", "tau", "set")),), variables=(("n", Variable(0.0)),),
    parameters=("cycles", "tau", "recent", "w_min", "w_max"), on_post=to_echo, post_event=printed,
)  # fmt: skip
_TAUGHT = Mechanism(
    "taught", traces=(("x", Trace("pre", "tau", "set")),), parameters=("up", "down", "tau", "recent", "w_min", "w_max"),
    on_post=to_teacher, post_event=printed,
)  # fmt: skip
