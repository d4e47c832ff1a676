"""Cells that race: the more support one has gathered, the earlier it meets a falling threshold; the first to fire wins.

Knows scalars only: no network, no layer, no memory.  `race` is the law of all of them; the models say what is gathered and when
the threshold begins to fall.
"""

from __future__ import annotations

from math import floor

from neurosim.neurons.custom import State, neuron_model

#: Weights of the three pacemakers onto the cells of a layer: a new cycle; read; read, but no lower than theta.
FLUSH, GO, JUDGE = -1.0, 1.0, 2.0


def _per_step(hold, dt):  # type: ignore[no-untyped-def]
    return {"per": dt / hold}


def race(v, gathered, phase, racing, bar, support, detonate, go, stop, per, theta, ceiling, least, rise, chance):  # type: ignore[no-untyped-def]
    """One step of a coincidence cell: gather, begin to race at a read, fire when the falling threshold meets v."""
    gathered = (0.0 if go < 0.0 else gathered) + support
    begins = go > 0.0
    v = gathered + chance if begins else v
    bar = (theta if go > 1.5 else least) if begins else bar
    phase = 0.0 if begins else phase + per
    gathered = 0.0 if begins else gathered
    racing = 1.0 if begins else (0.0 if go < 0.0 or stop < 0.0 else racing)
    height = ceiling - rise * floor(phase + 1e-9)
    racing = 0.0 if height < bar - 1e-9 else racing
    fires = detonate > 0.0 or (racing > 0.0 and v >= height - 1e-9)
    return v, gathered, phase, (0.0 if fires else racing), bar, fires


_RECEPTORS = {"support": 0, "detonate": 1, "go": 0, "stop": -1}
_STATE = {"v": 0.0, "gathered": 0.0, "phase": 0.0, "racing": 0.0, "bar": 0.0}
_UNITS = {"hold": "ms"}
_LIMITS = dict.fromkeys(("theta", "ceiling", "least", "rise"), "finite") | {"hold": "positive"}


@neuron_model(
    state=_STATE, receptors=_RECEPTORS, derive=_per_step, units=_UNITS, limits=_LIMITS, receptor_unit="",
    params={"theta": 1.0, "ceiling": 10.0, "least": 1.0, "rise": 1.0, "hold": 2.0},
)  # fmt: skip
def Coincidence(  # type: ignore[no-untyped-def]
    v, gathered, phase, racing, bar, support, detonate, go, stop, per, theta, ceiling, least, rise
):
    """A cell that counts the spikes of a cycle and fires the sooner the more there were (first to fire).

    What arrives at `support` is gathered.  A pacemaker at `go` begins the race: v is what was gathered, and the threshold
    falls from `ceiling` by `rise` every `hold` ms; the cell fires, once, when it has come down to v, so after
    hold ceil((ceiling - v) / rise).  It gives up when the threshold falls below `least` (weight 1 at `go`) or
    `theta` (weight 2), or at any spike at `stop`.  A weight of -1 at `go` begins a new cycle with nothing gathered.  A spike at
    `detonate` makes it fire in any case.

    Parameters
    ----------
    theta, least : float
        Support below which the cell does not answer when judged, or at all.
    ceiling : float
        Support that fires at once.
    rise : float
        How far the threshold falls at a time.
    hold : float
        How long it stays there (ms); as long as the inhibition needs to come back, and equal supports fire together.
    """
    return race(v, gathered, phase, racing, bar, support, detonate, go, stop, per, theta, ceiling, least, rise, 0.0)


@neuron_model(
    state=_STATE, receptors=_RECEPTORS, derive=_per_step, units=_UNITS, limits=_LIMITS | {"noise": "not negative"}, receptor_unit="",
    params={"theta": 1.0, "ceiling": 10.0, "least": 1.0, "rise": 1.0, "hold": 2.0, "noise": 1.0},
)  # fmt: skip
def NoisyCoincidence(  # type: ignore[no-untyped-def]
    v, gathered, phase, racing, bar, support, detonate, go, stop, uniform, per, theta, ceiling, least, rise, noise
):
    """A `Coincidence` cell whose v begins each race with something between 0 and `noise` added, drawn anew: it breaks ties."""
    chance = noise * uniform
    return race(v, gathered, phase, racing, bar, support, detonate, go, stop, per, theta, ceiling, least, rise, chance)


@neuron_model(
    state={"count": 0.0}, receptors={"heard": 0, "go": 0}, limits={"quorum": "any"}, receptor_unit="spikes"
)  # fmt: skip
def Counter(count, heard, go, quorum=10.0):  # type: ignore[no-untyped-def]
    """An inhibitory cell that fires when it has heard `quorum` spikes since the last spike at `go`."""
    count = 0.0 if go > 0.0 or go < 0.0 else count + heard
    fires = count >= quorum
    return (0.0 if fires else count), fires


def _lift(pace, dt):  # type: ignore[no-untyped-def]
    return {"rise": dt / pace}


@neuron_model(
    state={"charge": State(0.0, "blocks"), "ramp": State(0.0, "steps"), "racing": 0.0},
    receptors=("support", "go", "stop"), receptor_unit="blocks", spontaneous=False, derive=_lift,
    params={"blocks": 64.0, "least": 32.0, "pace": 0.3}, units={"pace": "ms"}, limits={"pace": "positive"},
)  # fmt: skip
def SymbolCell(charge, ramp, racing, support, go, stop, rise, blocks, least):  # type: ignore[no-untyped-def]
    """Counts the coincidences of one volley, then the threshold falls for all cells alike: the more support, the earlier.

    A volley charges the cell by its spikes; the charge is forgotten in the next step unless `go` arrives, which starts the
    race.  The cell fires when charge + time / pace reaches `blocks`, that is after pace (blocks - charge); the race ends at
    blocks - least, so that a cell of less support than `least` stays silent; `stop` ends it at once.

    Parameters
    ----------
    blocks : float
        Support of a perfect match, and threshold of firing.
    least : float
        The least support that is answered.
    pace : float
        ms in which the threshold falls by one block of support.
    """
    counts = go > 0.0 or racing > 0.0
    charge = charge + support if counts else support
    begins = go if stop <= 0.0 else 0.0
    charge, gathered, ramp, racing, bar, fires = race(
        charge, charge, ramp, racing, least, 0.0, 0.0, begins, -stop, 1.0, least, blocks, least, rise, 0.0
    )
    charge = 0.0 if stop > 0.0 or (counts and racing <= 0.0) else charge
    return charge, ramp, racing, fires
