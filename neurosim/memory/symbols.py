"""Symbols in spikes: layers that hold a block code as one volley, roles as permuted synapses, clean-up by first to fire.

Everything that a symbol means is in synapses of the live network: 64 of them make a symbol known to a clean-up, and a role is
one synapse for each unit.  Python keeps names, presents volleys and reads spikes.  Knows no facts and no questions.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_positive, check_probability, did_you_mean
from neurosim.errors import NeurosimWarning, ParameterError, WiringError
from neurosim.memory.block_codes import (
    BlockCode,
    Vocabulary,
    false_alarm_rate,
    support_threshold,
    unrelated_support_of_union,
)
from neurosim.memory.racing import SymbolCell
from neurosim.neurons.lif import LIF

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Population
    from neurosim.projection import Projection

PACE = 3  # steps of the ramp for one block of support: feedback inhibition takes two


def _coincidence(least: float, dt: float) -> LIF:
    """A cell that fires in a step in which spikes of at least so much weight (mV) arrive, and remembers none of it."""
    return LIF(tau_m=0.1 * dt, v_th=least, t_ref=0.0)


class SymbolLayer:
    """A population with one neuron for each unit of a block code; a code is a volley, all its units in one step.

    A unit fires whenever a spike arrives, once a step: volleys that arrive together are united, so that three bound pairs
    that reach a layer in one step are their bundle (`BlockCode.union`).  If the network has populations of this name
    already (loaded from a save), they are taken as they are.

    Parameters
    ----------
    net : Network
    vocabulary : Vocabulary
        Says the shape.
    name : str
        The population; a second one, "<name>.input", presents volleys to it through one synapse for each unit.

    Attributes
    ----------
    units : Population
    input : Projection
        From "<name>.input", one to one.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.symbols import SymbolLayer, Vocabulary
    >>> net, vocabulary = ns.Network(dt=0.1), Vocabulary(seed=1)
    >>> vocabulary.add("Ada")
    >>> layer = SymbolLayer(net, vocabulary, "word")
    >>> layer.present(vocabulary["Ada"])
    >>> net.run(0.2)
    >>> vocabulary.lookup(layer.read())
    'Ada'
    """

    def __init__(self, net: Network, vocabulary: Vocabulary, name: str) -> None:
        self.net, self.vocabulary, self.name = net, vocabulary, name
        self.blocks, self.size = vocabulary.blocks, vocabulary.size
        n = vocabulary.dimension
        self.units = _population(net, name, _coincidence(_HALF, net.dt), n)
        self._source = _population(net, f"{name}.input", LIF(tau_m=math.inf, v_th=_HALF, t_ref=0.0), n)
        edges = (np.arange(n), np.arange(n))
        self.input: Projection = _projection(net, f"{name}.input", self._source, self.units, edges)
        self._spikes = net.record(self.units, "spikes", ring=_RING * net.dt)

    def present(self, code: BlockCode) -> None:
        """Let the units of a code fire together, two steps from now; units fire once, whatever their counts."""
        self._check_shape(code)
        v = np.zeros(len(self._source))
        v[code.units] = 1.0  # above the threshold
        self._source.v = v

    def read(self) -> BlockCode:
        """The last volley (all units that fired in the last step in which any did), or a silent code if it is long ago."""
        step = self.last_step
        unit = self._spikes.index[self._spikes.step == step] if step is not None else np.zeros(0, np.int64)
        return BlockCode.from_units(unit, self.blocks, self.size)

    @property
    def last_step(self) -> int | None:
        """The step of the last volley, or None if it is more than a thousand steps ago."""
        step = self._spikes.step
        return int(step[-1]) if step.size else None

    def binds(self, role: BlockCode, onto: SymbolLayer, *, name: str | None = None) -> Projection:
        """Synapses that bind what fires here with a role: one for each unit, from place p to p + role in its block.

        A volley of this layer arrives in `onto` one step later as ``code * role``; volleys of several layers that arrive
        together are bundled.
        """
        return self._shifts(role, onto, 1, name or f"{self.name}*{onto.name}")

    def unbinds(self, role: BlockCode, onto: SymbolLayer, *, name: str | None = None) -> Projection:
        """Synapses that take a role off again: one for each unit, from place p to p - role; see `binds`."""
        return self._shifts(role, onto, -1, name or f"{self.name}/{onto.name}")

    def _shifts(self, role: BlockCode, onto: SymbolLayer, sign: int, name: str) -> Projection:
        self._check_shape(role)
        onto._check_shape(role)
        if onto is self:
            raise WiringError(
                f"{self.name}: a role needs another layer as its target, or volleys would go round for ever; make one with "
                f"SymbolLayer(net, vocabulary, '{self.name} unbound')"
            )
        phases = role.phases
        if (phases < 0).any():
            raise ParameterError(
                f"{self.name}: a role needs one active unit in every block, got {role!r}; take a symbol, such as vocabulary['object']"
            )
        block, place = np.divmod(np.arange(self.blocks * self.size), self.size)
        target = block * self.size + (place + sign * phases[block]) % self.size
        return _projection(self.net, name, self.units, onto.units, (np.arange(target.size), target))

    def _check_shape(self, code: BlockCode) -> None:
        if code.counts.shape != (self.blocks, self.size):
            raise ParameterError(
                f"{self.name}: its units are {self.blocks} blocks of {self.size}, the code has {code.blocks} of {code.size}; take "
                f"codes from the vocabulary of this layer"
            )

    def __repr__(self) -> str:
        return f"SymbolLayer({self.name!r}: {self.blocks} blocks of {self.size})"


@dataclass(frozen=True)
class SpikingAnswer:
    """What a clean-up said to a volley.

    Attributes
    ----------
    name : str or None
        The symbol whose cell fired first; None if none did.
    support : int or None
        Coinciding blocks, from the latency; None if no cell fired.
    threshold : int
        The least support of a cell that fires.
    false_alarms : float
        Probability that a cell fires if no symbol is meant, at the number of bound pairs that `CleanUp` was told.
    latency : float or None
        ms from the volley to the first spike.
    tied : tuple of str
        All symbols whose cells fired first, in the order of learning; the first is `name`.
    """

    name: str | None
    support: int | None
    threshold: int
    false_alarms: float
    latency: float | None
    tied: tuple[str, ...] = ()


class CleanUp:
    """A memory of symbols: one cell for each, known by one synapse from each active unit of its code.

    A volley in the layer charges each cell by its coinciding blocks and, if it is large enough, wakes a gate whose spike
    starts a common ramp; the cell of most support fires first, and an inhibitory neuron ends the race two steps later.
    Ties fire together.  No cell below the threshold fires: the answer is then None.

    Present one volley for each `longest` ms: a second one during the race would add to the first.

    Parameters
    ----------
    net : Network
    layer : SymbolLayer
        Whose volleys it hears.
    name : str
        The cells; "<name>.gate" and "<name>.stop" are single neurons, and projections are named likewise.
    members : int
        Bound pairs in a volley, as far as is known: the threshold is calibrated for the union of so many.
    false_alarms : float
        Probability that a cell fires although no symbol is meant.
    target : SymbolLayer, optional
        Where the winner speaks: its cell grows one synapse to each unit of its code there, so that the clean symbol is a
        volley again, one step after the cell's spike.
    volley : int, optional
        The least number of spikes in a step that starts a race; half of the blocks by default.

    Attributes
    ----------
    cells : Population
    afferent : Projection
        From the units of the layer to the cells, one synapse for each active unit of each symbol.
    efferent : Projection or None
        From the cells to the units of the target.
    threshold : int
        Least support (blocks) that is answered; set by `calibrate` and `learn`.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.symbols import CleanUp, SymbolLayer, Vocabulary
    >>> net, v = ns.Network(dt=0.1), Vocabulary(seed=1)
    >>> v.add("Ada", "the mill", "subject", "object")
    >>> fact, answer = SymbolLayer(net, v, "fact"), SymbolLayer(net, v, "answer")
    >>> role = fact.unbinds(v["object"], answer)
    >>> clean_up = CleanUp(net, answer, "words", members=2)
    >>> clean_up.learn("Ada", "the mill")
    >>> fact.present(v["Ada"] * v["subject"] + v["the mill"] * v["object"])
    >>> net.run(clean_up.longest)
    >>> clean_up.read().name
    'the mill'
    """

    def __init__(
        self, net: Network, layer: SymbolLayer, name: str, *, members: int = 3, false_alarms: float = 0.01,
        target: SymbolLayer | None = None, volley: int | None = None,
    ) -> None:  # fmt: skip
        if target is layer:
            raise WiringError(
                f"CleanUp({name!r}): its target must be another layer, or answers would be asked again for ever; make one with "
                f"SymbolLayer(net, vocabulary, '{layer.name} clean')"
            )
        self.net, self.layer, self.name, self.target = net, layer, name, target
        volley = check_count("CleanUp.volley", (layer.blocks + 1) // 2 if volley is None else volley, least=1)
        blocks = float(layer.blocks)
        model = SymbolCell(blocks=blocks, least=blocks, pace=PACE * net.dt)
        self.cells = _population(net, name, model, 0, grown=True)
        self._gate = _population(net, f"{name}.gate", _coincidence(volley - _HALF, net.dt), 1)
        self._stop = _population(net, f"{name}.stop", _coincidence(_HALF, net.dt), 1)
        units = np.arange(layer.units.uid.size)
        _projection(net, f"{name}.gate", layer.units, self._gate, (units, np.zeros_like(units)))
        none = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.afferent: Projection = _projection(net, f"{name}.afferent", layer.units, self.cells, none, "support")
        self._go = _projection(net, f"{name}.go", self._gate, self.cells, none, "go")
        self._won = _projection(net, f"{name}.won", self.cells, self._stop, none)
        self._ends = _projection(net, f"{name}.ends", self._stop, self.cells, none, "stop")
        self.efferent: Projection | None = (
            None if target is None else _projection(net, f"{name}.efferent", self.cells, target.units, none)
        )
        self._spikes = net.record(self.cells, "spikes", ring=_RING * net.dt)
        self._uid: dict[str, int] = {}
        self.members, self.false_alarms = members, false_alarms
        self.relabel()
        self.calibrate(members=members, false_alarms=false_alarms)

    # ---- what it knows ----------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The symbols it knows, in the order of learning."""
        return list(self._uid)

    def __contains__(self, name: object) -> bool:
        return name in self._uid

    def __len__(self) -> int:
        return len(self._uid)

    def cell(self, name: str) -> int:
        """Uid of the cell of a symbol."""
        if name not in self._uid:
            raise ParameterError(
                f"{self.name}: does not know the symbol {name!r}, only {len(self)} others; write clean_up.learn({name!r}) first."
                f"{did_you_mean(name, self._uid)}"
            )
        return self._uid[name]

    def learn(self, *names: str) -> None:
        """Grow the synapses of symbols, one from each active unit; known ones stay, unknown names join the vocabulary.

        A cell that lost its symbol is used again before a new one is made.
        """
        self.layer.vocabulary.add(*names)
        new = [name for name in dict.fromkeys(names) if name not in self._uid]
        if not new:
            return
        self._least(len(self) + len(new), self.members, self.false_alarms)
        held = np.array(sorted(self._uid.values()), np.int64)
        free = np.setdiff1d(self.cells.uid, held)
        if free.size < len(new):
            born = self.cells.add(len(new) - free.size, rule="learn").uid
            self._go.insert(self._gate.uid, born, rule="learn")
            self._won.insert(born, self._stop.uid, rule="learn")
            self._ends.insert(self._stop.uid, born, rule="learn")
            free = np.append(free, born)
        own = free[: len(new)]
        active = [self.layer.vocabulary[name].units for name in new]
        cell, unit = np.repeat(own, [a.size for a in active]), np.concatenate(active)
        self.afferent.insert(self.layer.units.uid[unit], cell, rule="learn")
        if self.efferent is not None and self.target is not None:
            self.efferent.insert(cell, self.target.units.uid[unit], rule="learn")
        self._uid.update(zip(new, own.tolist(), strict=True))
        self.calibrate()

    def forget(self, name: str) -> int:
        """Remove the synapses that make a symbol known, and nothing else; return how many."""
        uid = self.cell(name)
        removed = self.afferent.remove(post=uid, rule="forget")
        if self.efferent is not None:
            removed += self.efferent.remove(pre=uid, rule="forget")
        del self._uid[name]
        self.calibrate()
        return removed

    def relabel(self) -> None:
        """Read the names of the cells from their synapses, after a load, a restore or a lesion.

        A cell gets the name in the vocabulary that most of its synapses fit, if more than half of the blocks do.
        """
        edges, vocabulary = self.afferent.edges(), self.layer.vocabulary
        self._uid = {}
        unit, names = np.searchsorted(self.layer.units.uid, edges.pre), vocabulary.names
        for uid in np.unique(edges.post).tolist() if names else []:
            code = BlockCode.from_units(unit[edges.post == uid], self.layer.blocks, self.layer.size)
            fit = vocabulary.similarities(code)
            if 2 * fit.max() > self.layer.blocks:
                self._uid.setdefault(names[int(fit.argmax())], uid)

    # ---- threshold --------------------------------------------------------------------------------------------------

    def calibrate(self, *, members: int | None = None, false_alarms: float | None = None) -> None:
        """Set the threshold of all cells for so many bound pairs and this rate of false alarms (default: as before)."""
        members = self.members if members is None else check_count(f"{self.name}.members", members, least=1)
        if false_alarms is None:
            false_alarms = self.false_alarms
        check_positive(f"{self.name}.false_alarms", check_probability(f"{self.name}.false_alarms", false_alarms))
        self.threshold, self._rate = self._least(len(self), members, false_alarms)
        self.members, self.false_alarms = members, false_alarms
        if len(self.cells) and (self.cells.least != self.threshold).any():
            self.cells.least = float(self.threshold)

    def _least(self, symbols: int, members: int, false_alarms: float) -> tuple[int, float]:
        """Threshold and its rate of false alarms; refused if not even a perfect match can be told from chance."""
        blocks = self.layer.blocks
        unrelated = unrelated_support_of_union(members, blocks, self.layer.size)
        least = support_threshold(unrelated, max(1, symbols), false_alarms)
        if least > blocks:
            raise ParameterError(
                f"{self.name}: with {symbols} symbols and {members} bound pairs even a perfect match of {blocks} blocks happens by "
                f"chance more often than false_alarms={false_alarms:g}; take more blocks, for example "
                f"Vocabulary(blocks={2 * blocks}), or fewer pairs"
            )
        return least, false_alarm_rate(unrelated, symbols, least)

    @property
    def longest(self) -> float:
        """ms from presenting a code, to the layer or to one a role away, until every race is over; a multiple of dt."""
        steps = 8 + PACE * (self.layer.blocks - self.threshold)
        return round(steps * self.net.dt, 9)

    # ---- asking -----------------------------------------------------------------------------------------------------

    def read(self, *, since: float | None = None) -> SpikingAnswer:
        """What the cells said to the last volley of the layer.

        Parameters
        ----------
        since : float, optional
            Time (ms) after which the volley must have come; without one the answer is None.
        """
        asked = self.layer.last_step
        if asked is None or (since is not None and asked <= round(since / self.net.dt)):
            return SpikingAnswer(None, None, self.threshold, self._rate, None)
        step, uid = self._spikes.step, self._spikes.uid
        said = step[step > asked]
        if not said.size:
            return SpikingAnswer(None, None, self.threshold, self._rate, None)
        first = int(said[0])
        fired = set(uid[step == first].tolist())
        tied = tuple(name for name, own in self._uid.items() if own in fired)
        waited = first - asked
        support = self.layer.blocks - (waited - 2) // PACE
        name = tied[0] if tied else None
        return SpikingAnswer(name, support, self.threshold, self._rate, waited * self.net.dt, tied)

    def ask(self, code: BlockCode) -> SpikingAnswer:
        """Present a code to the layer, run the network until the race is over, and read the answer."""
        began = self.net.now
        self.layer.present(code)
        self.net.run(self.longest)
        return self.read(since=began)

    def __repr__(self) -> str:
        return f"CleanUp({self.name!r}: {len(self)} symbols of {self.layer.name!r}, threshold {self.threshold} blocks)"


_RING = 1000  # steps for which spikes are kept for reading
_HALF = 0.5  # mV: threshold of a cell for which one spike of weight 1 mV is enough


def _population(net: Network, name: str, model: Any, n: int, *, grown: bool = False) -> Population:
    """A new population, or that of this name if it is the same."""
    if name not in net.populations:
        return net.add_population(name, model, n)
    there = net.populations[name]
    if type(there.model) is not type(model) or (len(there) != n and not grown):
        raise ParameterError(
            f"{name!r}: the network has a population of this name already, of {len(there)} {type(there.model).__name__}, not of "
            f"{'' if grown else n}{' ' if not grown else ''}{type(model).__name__}; take another name"
        )
    return there


def _projection(
    net: Network, name: str, pre: Population, post: Population, edges: Any, receptor: str | None = None
) -> Projection:
    """A new projection of weight 1 and a delay of one step, or that of this name if it joins the same populations."""
    if name in net.projections:
        there = net.projections[name]
        if there.source is not pre or there.target is not post:
            raise ParameterError(f"{name!r}: the network has a projection of this name already; take another name")
        return there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurosimWarning)  # a clean-up that knows nothing has no synapse yet
        made: Projection = net.connect(pre, post, edges, weight=1.0, delay=net.dt, receptor=receptor, name=name)
    return made


__all__ = ["CleanUp", "SpikingAnswer", "SymbolCell", "SymbolLayer", "Vocabulary"]
