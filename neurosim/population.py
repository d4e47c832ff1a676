"""Populations, views of them, and regions: the handles by which a user names neurons.

They hold no state: values live in the engine, and a handle stays valid when neurons come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import ranks
from neurosim.checks import check_count, did_you_mean
from neurosim.engine import exchange
from neurosim.errors import ParameterError, WiringError
from neurosim.neurons.parameters import check_parameter, parameter_names, unit_of, unknown_parameter
from neurosim.values import check_parameters, neuron_values, spike_list

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.neurons.sources import SpikeSource
    from neurosim.positions import Layout


class Neurons:
    """What populations and views share: a list of uids, and the values of their neurons by name.

    State variables and parameters are attributes: ``exc.v`` gives a copy, ``exc.v = values`` sets (a number, one per
    neuron, or a distribution).
    """

    network: Network
    population: Population

    @property
    def uid(self) -> np.ndarray:
        """Uids of the neurons, int64, ascending: stable for ever, never used again."""
        raise NotImplementedError

    @property
    def index(self) -> np.ndarray:
        """Places of the neurons in their population now, int64."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """How results name these neurons."""
        raise NotImplementedError

    @property
    def born(self) -> np.ndarray:
        """When each neuron was born (ms); after a `reset` of the network before its time 0, since neurons keep their age."""
        return self.population.birth[self.index] * self.network.dt

    @property
    def age(self) -> np.ndarray:
        """Age of each neuron (ms).  Settable: a number, one for each, or a distribution, rounded to dt."""
        return (self.network.step - self.population.birth[self.index]) * self.network.dt

    @age.setter
    def age(self, value: object) -> None:
        key = ("age", self.population.name)
        age = neuron_values(self.network, f"{self.label}.age", value, "ms", self.uid, key)
        birth = self.population.birth.copy()
        birth[self.index] = self.network.step - np.rint(age / self.network.dt).astype(np.int64)
        self.population.birth = birth

    def __len__(self) -> int:
        return int(self.uid.size)

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("_") or "population" not in self.__dict__:
            raise AttributeError(name)
        value = self.population._values(name)
        if value is None:
            raise AttributeError(str(unknown_parameter(self.population.model, name, self.population._variables)))
        return value[self.index]

    def __setattr__(self, name: str, value: object) -> None:
        if (
            name in self._own_names()
            or name.startswith("_")
            or name in _PLAIN
            or isinstance(getattr(type(self), name, None), property)
        ):
            object.__setattr__(self, name, value)
        else:
            self.population._set(name, value, self.index)

    @classmethod
    def _own_names(cls) -> set[str]:
        return {
            "network",
            "population",
            "name",
            "model",
            "number",
            "region",
            "where",
            "positions",
            "birth",
            "placement",
        }

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *parameter_names(self.population.model), *self.population._variables]


_PLAIN = {"alive"}


class Population(Neurons):
    """Neurons of one model; made by `Network.add_population`.

    Attributes
    ----------
    name : str
    model : neuron model
        The description that it was made from.
    region : str
        Path of region labels, such as "cortex/vision"; "" if none.
    positions : float64 [neurons, 2 or 3] or None
    birth : int64 [neurons]
        Step at which each neuron was born; `born` and `age` are in ms.
    placement : (layout, int) or None
        What positions were drawn from, and its number: newborns get theirs from it.
    """

    name: str
    model: Any
    number: int
    region: str
    positions: np.ndarray | None
    birth: np.ndarray
    placement: tuple[Layout, int] | None

    def __init__(
        self, network: Network, name: str, model: object, number: int, region: str, positions: np.ndarray | None
    ) -> None:
        self.network, self.name, self.model, self.number, self.region = network, name, model, number, region
        self.positions = positions
        self.birth, self.placement = np.zeros(0, np.int64), None
        self.population = self
        self.alive = True

    @property
    def uid(self) -> np.ndarray:
        return self._uid.copy()

    @property
    def _uid(self) -> np.ndarray:
        """The same without a copy, for those who only look."""
        self._check_alive()
        return np.asarray(self.network.engine.home[self.number][1].uid)

    @property
    def index(self) -> np.ndarray:
        return np.arange(self.network.engine.home[self.number][1].n)

    @property
    def label(self) -> str:
        return self.name

    @property
    def _variables(self) -> dict[str, str]:
        return {name: unit for name, (_, unit) in self.model.physics.state.items()}

    def _check_alive(self) -> None:
        if not self.alive:
            raise WiringError(
                f"population {self.name!r} has been removed from the network; add a new one with net.add_population(...)"
            )

    def _values(self, name: str) -> np.ndarray | None:
        """A copy of a state variable or parameter of all neurons, or None if there is none of that name."""
        self._check_alive()
        block, piece = self.network.engine.home[self.number]
        if name in self._variables:
            k = block.variables.index(name)
            exchange.know(self.network.engine, block)
            return np.array(block.state[k, piece.first : piece.first + piece.n])
        if name in piece.parameters:
            return np.broadcast_to(piece.parameters[name], (piece.n,)).copy()
        return None

    def _set(self, name: str, value: object, index: np.ndarray) -> None:
        self._check_alive()
        engine = self.network.engine
        block, piece = engine.home[self.number]
        if name in self._variables:
            label, key = f"{self.name}.{name}", ("state", self.name, name)
            numbers = neuron_values(self.network, label, value, self._variables[name], piece.uid[index], key)
            ranks.agree(f"{label} = ...", numbers)
            block.state[block.variables.index(name), piece.first + index] = numbers
            return
        if name not in piece.parameters:
            raise unknown_parameter(self.model, name, self._variables)
        if hasattr(value, "draw_neurons"):
            label, key = f"{self.name}.{name}", ("parameter", self.name, name)
            value = neuron_values(self.network, label, value, unit_of(self.model, name), piece.uid[index], key)
        given = check_parameter(self.model, name, value, index.size)
        ranks.agree(f"{self.name}.{name} = ...", given)
        new = piece.parameters[name]
        if given.ndim == 0 and index.size == piece.n:
            new = given
        else:
            new = np.broadcast_to(new, (piece.n,)).copy()
            new[index] = given
            if piece.n and (new == new[0]).all():
                new = np.asarray(new[0])
        trial = piece.parameters | {name: new}
        check_parameters(self.network, self.model, trial)
        piece.parameters = trial
        engine.refresh()

    def __getitem__(self, which: object) -> View:
        return View(self, np.atleast_1d(_pick(self.uid, which, self.name)))

    def __iter__(self) -> Iterator[View]:
        return (View(self, uid) for uid in self.uid.reshape(-1, 1))

    def add(self, n: int, positions: ArrayLike | Layout | None = None, *, rule: str = "user") -> View:
        """Add `n` neurons at the end.

        They start in the model's initial state, with the parameters of the population (means where they differ), and
        hear the stimuli that all neurons of the population hear alike.

        Parameters
        ----------
        n : int
        positions : array [n, 2 or 3] or layout
            Needed if the population has positions that were given as an array; otherwise newborns lie where the layout of
            the population puts them.
        rule : str
            The cause that the history names.

        Returns
        -------
        View
            The newborns.
        """
        self._check_alive()
        return self.network._add_neurons(self, check_count(f"{self.name}.add(n)", n, least=1), positions, rule)

    def play(self, spikes: SpikeSource) -> None:
        """Replace the list of a population of `SpikeSource` neurons: from now on they fire at these times and no others.

        What they have fired already stays on its way.  The list is part of the state: it is saved, stored and restored with
        the network, and played again after a `reset`.

        Parameters
        ----------
        spikes : SpikeSource
            Index and time (ms) of each spike, later than now; ``ns.SpikeSource()`` for silence.

        Raises
        ------
        ParameterError
            Another model than `SpikeSource`; times that are past or off the grid; neurons that there are not.

        Examples
        --------
        >>> import neurosim as ns
        >>> net = ns.Network(dt=1.0)
        >>> cue = net.add_population("cue", ns.SpikeSource(), 3)
        >>> heard = net.record(cue, "spikes")
        >>> cue.play(ns.SpikeSource(index=[0, 2], time=[1.0, 4.0]))
        >>> net.run(2.0)
        >>> cue.play(ns.SpikeSource(index=[1], time=[3.0]))  # neuron 2 is not heard of any more
        >>> net.run(2.0)
        >>> heard.t.tolist(), heard.index.tolist()
        ([1.0, 3.0], [0, 1])
        """
        self._check_alive()
        block, piece = self.network.engine.home[self.number]
        for what, one in (("is made of", self.model), ("was given", spikes)):
            if getattr(getattr(one, "physics", None), "name", "") != "spike_source":
                raise ParameterError(
                    f"{self.name}.play: only neurons of ns.SpikeSource play a list, and it {what} {one!r}; for example "
                    f"net.add_population('cue', ns.SpikeSource(), {len(self)}).play(ns.SpikeSource(index=[0], time=[5.0]))"
                )
        block.lists[self.number] = spike_list(self.network, f"{self.name}.play", spikes, piece.n)
        self.network.engine.refresh()

    def remove(self, uid: ArrayLike | View, *, rule: str = "user") -> None:
        """Remove neurons for good, with all their synapses; their uids are never used again.

        Parameters
        ----------
        uid : array of int, or a view
            Which neurons.
        rule : str
            The cause that the history names.
        """
        self._check_alive()
        asked = uid.uid if isinstance(uid, Neurons) else np.atleast_1d(np.asarray(uid))
        if asked.size and not np.issubdtype(asked.dtype, np.integer):
            raise ParameterError(
                f"{self.name}.remove: uids are whole numbers, got {uid!r}; for example {self.name}.remove({self.name}.uid[:3])"
            )
        self.network._remove_neurons(self, asked.astype(np.int64), rule)

    def __repr__(self) -> str:
        if not self.alive:
            return f"Population({self.name!r}, removed)"
        where = f", region {self.region!r}" if self.region else ""
        return f"Population({self.name!r}: {len(self)} x {type(self.model).__name__}{where})"

    def _repr_html_(self) -> str:
        if not self.alive:
            return html_card(f"population {self.name}", {"state": "removed"})
        uid = self.uid
        rows = {"neurons": f"{uid.size:,} x {type(self.model).__name__}", "region": self.region or "none"}
        rows["uids"] = f"{uid[0]} ... {uid[-1]}" if uid.size else "none"
        rows["variables"] = ", ".join(f"{name} ({unit})" for name, unit in self._variables.items()) or "none"
        return html_card(f"population {self.name}", rows)


class View(Neurons):
    """Some neurons of a population, such as ``exc[3:7]``: source, target, recorded, set.  It names neurons, not places."""

    where: np.ndarray

    def __init__(self, population: Population, uid: np.ndarray) -> None:
        self.population = population
        self.network = population.network
        self.where = np.asarray(uid, np.int64)

    @property
    def uid(self) -> np.ndarray:
        self.index  # noqa: B018  (complains if a neuron is gone)
        return self.where.copy()

    @property
    def index(self) -> np.ndarray:
        own = self.population.uid
        place = np.searchsorted(own, self.where)
        gone = (
            (place >= own.size) | (own[np.minimum(place, own.size - 1)] != self.where)
            if own.size
            else np.ones(self.where.size, np.bool_)
        )
        if gone.any():
            raise WiringError(
                f"{self.label}: neuron {self.where[gone][0]} has been removed; make a new view of {self.population.name!r}"
            )
        return place

    @property
    def label(self) -> str:
        return f"{self.population.name}[{self.where.size} of {len(self.population)}]"

    @property
    def positions(self) -> np.ndarray | None:
        """Positions of the neurons, float64 [neurons, 2 or 3], or None; set those of whole populations."""
        where = self.population.positions
        return None if where is None else where[self.index]

    def __getitem__(self, which: object) -> View:
        return View(self.population, np.atleast_1d(_pick(self.where, which, self.label)))

    def __iter__(self) -> Iterator[View]:
        return (View(self.population, uid) for uid in self.where.reshape(-1, 1))

    def __repr__(self) -> str:
        return f"View({self.label}, uids {_short(self.where)})"


class Region:
    """A label and all populations under it: "cortex" covers "cortex" and "cortex/vision"."""

    def __init__(self, network: Network, path: str) -> None:
        self.network = network
        self.path = path

    @property
    def label(self) -> str:
        return self.path

    @property
    def populations(self) -> list[Population]:
        """Populations that lie in the region now, in the order in which they were added."""
        return [
            p
            for p in self.network.populations.values()
            if p.region == self.path or p.region.startswith(self.path + "/")
        ]

    @property
    def uid(self) -> np.ndarray:
        """Uids of all neurons of the region."""
        return np.concatenate([np.zeros(0, np.int64), *[p.uid for p in self.populations]])

    def __len__(self) -> int:
        return sum(len(p) for p in self.populations)

    def __repr__(self) -> str:
        return f"Region({self.path!r}: {len(self)} neurons in {', '.join(p.name for p in self.populations) or 'no population'})"


def parts_of(target: object, network: Network, what: str) -> list[Neurons]:
    """Populations and views that a user meant: a population, view, region, name, or a list of them."""
    if isinstance(target, str):
        known = [*network.populations, *network.regions]
        if target not in known:
            listed = ", ".join(known) or "none yet; net.add_population(...) makes one"
            raise WiringError(
                f"{what}: no population or region {target!r}; known: {listed}.{did_you_mean(target, known)}"
            )
        target = network.populations[target] if target in network.populations else network.region(target)
    if isinstance(target, Region):
        parts: Sequence[Neurons] = target.populations
        if not parts:
            raise WiringError(f"{what}: region {target.path!r} has no population")
        return list(parts)
    if isinstance(target, Neurons):
        target.population._check_alive()
        if target.network is not network:
            raise WiringError(f"{what}: {target.label!r} belongs to another network")
        return [target]
    if isinstance(target, list | tuple) and target:
        return [part for one in target for part in parts_of(one, network, what)]
    listed = ", ".join([*network.populations, *network.regions]) or "none yet"
    raise WiringError(f"{what}: needs a population, view, region or a list of them, got {target!r}; known: {listed}")


def _pick(uid: np.ndarray, which: object, label: str) -> np.ndarray:
    try:
        picked = np.atleast_1d(uid[which])  # type: ignore[call-overload]
    except (IndexError, TypeError, ValueError) as error:
        raise ParameterError(
            f"{label}[{which!r}]: {error}; it has {uid.size} neurons, places 0 ... {uid.size - 1}"
        ) from None
    if picked.ndim != 1 or (picked.size > 1 and (np.diff(picked) <= 0).any()):
        raise ParameterError(
            f"{label}[{which!r}]: a view names each neuron once, in ascending order, so that values set through it land where "
            f"they should; write {label}[np.unique(places)]"
        )
    return np.asarray(picked)


def places_in(population: Population, uid: ArrayLike, label: str) -> np.ndarray:
    """Place of each of these uids in a population, int64; an unknown one is refused."""
    asked = np.atleast_1d(np.asarray(uid))
    if asked.size and asked.dtype.kind not in "iu":
        raise WiringError(f"{label}: uids are whole numbers, got {uid!r}")
    asked = asked.astype(np.int64)
    own = population._uid
    if own.size and own[-1] - own[0] == own.size - 1:  # without a gap
        place = asked - own[0]
        bad = (place < 0) | (place >= own.size)
    else:
        place = np.searchsorted(own, asked)
        bad = (
            (place >= own.size) | (own[np.minimum(place, own.size - 1)] != asked)
            if own.size
            else np.ones(asked.size, np.bool_)
        )
    if bad.any():
        raise WiringError(
            f"{label}: {population.name!r} has no neuron with uid {asked[bad][0]}; its uids: {own[0] if own.size else '-'} ... {own[-1] if own.size else '-'}"
        )
    return place


def html_card(title: str, rows: dict[str, str]) -> str:
    """A small table for notebooks."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(k)}</th><td style='text-align:left'>{escape(v)}</td></tr>"
        for k, v in rows.items()
    )
    return f"<table><caption>{escape(title)}</caption>{cells}</table>"


def _short(values: np.ndarray) -> str:
    shown = ", ".join(str(v) for v in values[:5])
    return f"{shown}, ... ({values.size})" if values.size > 5 else shown
