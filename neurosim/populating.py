"""Neurons come and go: what `Network.add_population`, `Population.add` and their opposites check and do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import joining, ranks, values
from neurosim.checks import check_count, did_you_mean
from neurosim.engine import exchange
from neurosim.errors import ParameterError, WiringError
from neurosim.history import NEURON_BORN, NEURON_DIED, SYNAPSE_DIED
from neurosim.kernels.rng import stream_key
from neurosim.neurons.parameters import parameter_values
from neurosim.population import Population, View, parts_of

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.positions import Layout


def add_population(net: Network, name: str, model: Any, n: int, region: str | None, positions: Any) -> Population:
    """See `Network.add_population`."""
    label = f"add_population({name!r})"
    if not isinstance(name, str) or not name:
        raise ParameterError(f"add_population(name): needs a text, got {name!r}")
    if name in net.populations:
        raise ParameterError(
            f"{label}: there is one already; take another name, or more neurons with net.populations[{name!r}].add(...)"
        )
    if not hasattr(model, "physics") or isinstance(model, type):
        hint = f"; write {model.__name__}() with brackets" if isinstance(model, type) else ""
        raise ParameterError(f"{label}: needs a neuron model such as ns.LIF(), got {model!r}{hint}")
    if region is not None and not isinstance(region, str):
        raise ParameterError(f"add_population({name!r}, region): needs a text such as 'cortex/vision', got {region!r}")
    n = check_count(f"add_population({name!r}, n)", n)
    ranks.agree(label, n, model)
    layout: Layout | None = positions if hasattr(positions, "place") else None
    where = None if layout else values.positions(f"add_population({name!r}, positions)", positions, n)
    ranks.agree(f"{label}.positions", where)
    physics = model.physics
    is_list = physics.name == "spike_source"
    parameters = {} if is_list else parameter_values(model)
    values.check_parameters(net, model, parameters)
    spikes = values.spike_list(net, label, model, n) if is_list else None
    net.engine.check_room(label, n * (len(physics.receptors) + 1))
    uid = net._counters.get("uid", 0) + np.arange(n)
    if layout is not None:
        where = _laid(net, f"add_population({name!r}, positions)", name, layout, uid, np.zeros((0, 0)))
    net._next("uid", n)
    number = net._next("population")
    net.engine.add_slice(number, physics, parameters, uid)
    population = Population(net, name, model, number, (region or "").strip("/"), where)
    population.birth = np.full(n, net.step)
    population.placement = None if layout is None else (layout, net._next("placement"))
    net.populations[name] = population
    net.history.settled(uid, name, population.region)
    if spikes is not None:
        net.engine.home[number][0].lists[number] = spikes
    start_state(net, population, np.arange(n))
    if net.step > net.first_step:
        net.history.add(net.step, NEURON_BORN, "user", "", uid, np.full(n, -1))
    net._follow()
    return population


def start_state(net: Network, population: Population, index: np.ndarray) -> None:
    """Initial values of the model for some neurons of a population."""
    block, piece = net.engine.home[population.number]
    for k, (initial, _) in enumerate(population.model.physics.state.values()):
        value = initial
        if isinstance(initial, str):
            value = piece.parameters[initial]
        elif callable(initial):
            value = initial(piece.parameters)
        value = np.asarray(value, np.float64)
        block.state[k, piece.first + index] = value if value.ndim == 0 else value[index]
    block.waiting[piece.first + index] = 0


def add_neurons(net: Network, population: Population, n: int, positions: Any, rule: str = "user") -> View:
    """See `Population.add`."""
    ranks.agree(f"{population.name}.add", n)
    uid = net._counters.get("uid", 0) + np.arange(n)
    layout: Layout | None = positions if hasattr(positions, "place") else None
    if positions is None and population.placement is not None:
        layout = population.placement[0]
    if layout is not None:
        label = f"{population.name}.add(positions)"
        positions = _laid(net, label, population.name, layout, uid, _beside(net, population))
    if positions is None and population.positions is not None:
        raise ParameterError(
            f"{population.name}.add: the population has positions; give the newborns theirs: add({n}, positions=...)"
        )
    if positions is not None and population.positions is None:
        raise ParameterError(f"{population.name}.add(positions): the population has none; leave them out")
    where = values.positions(f"{population.name}.add(positions)", positions, n)
    if where is not None and population.positions is not None and where.shape[1] != population.positions.shape[1]:
        raise ParameterError(
            f"{population.name}.add(positions): needs {population.positions.shape[1]} coordinates, got {where.shape[1]}"
        )
    net.engine.check_room(
        f"{population.name}.add", 2 * (n + len(population)) * (len(population.model.physics.receptors) + 1)
    )
    piece = net.engine.home[population.number][1]
    old = piece.n
    net._next("uid", n)
    net.engine.resize_slice(population.number, np.arange(old), np.append(piece.uid, uid))
    population.birth = np.append(population.birth, np.full(n, net.step))
    start_state(net, population, old + np.arange(n))
    if where is not None:
        population.positions = np.concatenate([population.positions, where])
    net.history.settled(uid, population.name, population.region)
    net.history.add(net.step, NEURON_BORN, rule, "", uid, np.full(n, -1))
    _edited(net, population)
    return View(population, uid)


def place(net: Network, target: Any, layout: Layout) -> None:
    """See `Network.place`."""
    label = "net.place"
    if not hasattr(layout, "place"):
        raise ParameterError(f"{label}(layout): needs a layout such as ns.positions.ball(100.0), got {layout!r}")
    parts: list[Any] = list(parts_of(target, net, label))
    for part in parts:
        if not isinstance(part, Population):
            raise ParameterError(
                f"{label}: places whole populations, got {part!r}; take net.place({part.population.name!r}, ...)"
            )
    where: list[np.ndarray] = []
    for part in parts:
        taken = np.concatenate(where) if where else np.zeros((0, 0))
        where.append(_laid(net, label, part.name, layout, part.uid, taken))
    number = net._next("placement")
    for part, at in zip(parts, where, strict=True):
        part.positions, part.placement = at, (layout, number)


def _laid(net: Network, label: str, name: str, layout: Any, uid: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Positions from a layout, checked."""
    where = values.positions(label, layout.place(int(stream_key(net.seed, "positions", name)), uid, taken), uid.size)
    assert where is not None
    return where


def _beside(net: Network, population: Population) -> np.ndarray:
    """Positions of all neurons that share the placement of a population."""
    number = population.placement[1] if population.placement is not None else -1
    mine = [p for p in net.populations.values() if p.placement is not None and p.placement[1] == number]
    held = [p.positions for p in mine or [population] if p.positions is not None and len(p.positions)]
    return np.concatenate(held) if held else np.zeros((0, 0))


def remove_neurons(net: Network, population: Population, uid: np.ndarray, rule: str = "user") -> None:
    """See `Population.remove`."""
    ranks.agree(f"{population.name}.remove", uid)
    own = population.uid
    unknown = ~np.isin(uid, own)
    if unknown.any():
        held = f"its uids: {own[0]} ... {own[-1]}" if own.size else "it has none"
        raise WiringError(f"{population.name}.remove: no neuron with uid {uid[unknown][0]}; {held}")
    for projection in net.projections.values():
        if population in (projection.source, projection.target):
            projection.check_stored(f"{population.name}.remove")
    dying = np.isin(own, uid)
    keep = np.flatnonzero(~dying)
    for lost in exchange.all_gone(net.engine, net.engine.resize_slice(population.number, keep, own[keep])):
        name = next(p.name for p in net.projections.values() if p.wire is lost.wire)
        order = np.lexsort((lost.post_uid, lost.pre_uid))  # that of the edges, not of the rows
        ends, weight, delay = (
            (lost.pre_uid[order], lost.post_uid[order]),
            lost.weight[order],
            lost.delay[order] * net.dt,
        )
        net.history.add(net.step, SYNAPSE_DIED, rule, name, *ends, weight, delay)
    net.history.add(net.step, NEURON_DIED, rule, "", own[dying], np.full(int(dying.sum()), -1))
    population.birth = population.birth[keep]
    if population.positions is not None:
        population.positions = population.positions[keep]
    _edited(net, population)


def _edited(net: Network, population: Population) -> None:
    for projection in net.projections.values():
        if population in (projection.source, projection.target):
            projection._edited()
    net._follow()


def remove_population(net: Network, population: Population | str) -> None:
    """See `Network.remove_population`."""
    if isinstance(population, str):
        if population not in net.populations:
            known = ", ".join(net.populations) or "none"
            hint = did_you_mean(population, net.populations)
            raise WiringError(f"net.remove_population({population!r}): no such population; known: {known}.{hint}")
        population = net.populations[population]
    population._check_alive()
    ranks.agree("net.remove_population", population.name)
    for projection in list(net.projections.values()):
        if population in (projection.source, projection.target):
            net.disconnect(projection)
    uid = population.uid
    for recorder in list(net.recorders):
        watched = getattr(recorder, "population", None)
        if watched is not None and watched.population is population:
            net.remove(recorder)
        targets = getattr(recorder, "targets", None)
        if isinstance(targets, list):
            recorder.targets = [t for t in targets if t.population is not population]
    net.engine.remove_slice(population.number)
    joining.forget(net, population)
    population.alive = False
    del net.populations[population.name]
    for handle in list(net.stimuli):
        handle.parts = [part for part in handle.parts if part.population.alive]
        handle.applied = [one for one in handle.applied if one.population != population.number]
        if not handle.parts:
            net.stimuli.remove(handle)
    for process in list(net.processes):
        if getattr(getattr(process, "population", None), "population", None) is population:
            net.remove(process)
    net.history.add(net.step, NEURON_DIED, "user", "", uid, np.full(uid.size, -1))
    net._follow()
