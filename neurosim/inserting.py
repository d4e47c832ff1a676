"""How synapses come into a projection: which pairs may have one, what weights and delays it takes, and where they go.

Knows projections by what they offer, their pools and the engine; what users say is checked by `Projection.insert` and `connect`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import ranks, values
from neurosim.engine import flight
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.lazy_pool import LazyPool
from neurosim.errors import ParameterError, WiringError
from neurosim.history import SYNAPSE_BORN
from neurosim.wiring import nth_among_parallels

if TYPE_CHECKING:
    from neurosim.projection import Projection


# ---- pairs ----------------------------------------------------------------------------------------------------------


def check_pairs(p: Projection, i: np.ndarray, j: np.ndarray, pre: np.ndarray, post: np.ndarray) -> None:
    """Refuse autapses and parallel synapses between places (and their uids) where the projection does not allow them."""
    if not p.autapses and (pre == post).any():
        uid = int(pre[pre == post][0])
        raise WiringError(f"{p.name}.insert: {uid} -> {uid} is an autapse; connect(..., autapses=True) allows them")
    if not p.parallel:
        pair = i * len(p.target) + j
        twice = np.unique(pair, return_counts=True)[1] > 1
        there = p._multiplicity(i, j) > 0
        if twice.any() or there.any():
            k = int(np.flatnonzero(there)[0]) if there.any() else 0
            raise WiringError(
                f"{p.name}.insert: {pre[k]} -> {post[k]} would be a parallel synapse; connect(..., parallel=True) allows them"
            )


def allowed(p: Projection, i: np.ndarray, j: np.ndarray, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Which of these pairs may have a synapse, bool [pairs]; of a pair that is given twice the first."""
    fine = np.ones(i.size, np.bool_)
    if not p.autapses:
        fine &= pre != post
    if not p.parallel and i.size:
        first = np.zeros(i.size, np.bool_)
        first[np.unique(i * len(p.target) + j, return_index=True)[1]] = True
        fine &= first & (p._multiplicity(i, j) == 0)
    return fine


# ---- weights and delays ---------------------------------------------------------------------------------------------


def bear(
    p: Projection, i: np.ndarray, j: np.ndarray, pre: np.ndarray, post: np.ndarray, weight: Any, delay: Any, rule: str
) -> None:
    """Give new synapses between places (and their uids), which are allowed, weights and delays, and insert them."""
    net = p.network
    key = ("synapse", p.name, net.step, p.births)
    weight = p.default_weight if weight is None else weight
    drawn = hasattr(weight, "draw") or hasattr(p.default_delay if delay is None else delay, "draw")
    nth = nth_among_parallels(pre, post) if p.parallel and drawn else 0
    weight = values.edge_weights(net, f"{p.name}.insert(weight)", weight, p.unit, pre, post, key, nth=nth)
    own = delay is not None
    delay = delay if own else p.default_delay
    if own or hasattr(delay, "draw"):
        label, least = f"{p.name}.insert(delay)", 0 if p.wire.axonal else 1
        steps = values.edge_delays(net, label, delay, pre, post, key, least=least, nth=nth, said=not own)
        steps = steps if own else steps + p.folded
    else:
        steps = np.asarray(delay)
    put(p, i, j, weight, steps, rule)
    p.births += 1


def checked_weights(p: Projection, weight: np.ndarray, *, whole: bool = False, say: bool = True) -> np.ndarray:
    """The weights, if the pool and the plasticity take them; what few bits lose is said to whoever called connect or insert."""
    rule = p.plasticity
    if isinstance(p.pool, CodedPool):
        error = p.pool.admit(f"{p.name}.weight", p.wire, weight, whole=whole)
        if say:
            p.pool.tell(f"{p.name}.weight", p.wire, error, stacklevel=5)
    if rule is not None and hasattr(rule, "w_min"):
        low, high = np.array([rule.w_min, rule.w_max], p.pool.weight.dtype)
        stored = np.atleast_1d(np.asarray(weight, p.pool.weight.dtype))
        bad = (stored < low) | (stored > high)
        if bad.any():
            raise ParameterError(
                f"{p.name}.weight: {stored[bad][0]:g} lies outside the bounds [{rule.w_min:g}, {rule.w_max:g}] of its "
                f"plasticity; give weights inside, or {type(rule).__name__}(w_min=..., w_max=...)"
            )
    return weight


def check_delays(p: Projection, steps: np.ndarray) -> None:
    """Refuse delays that the synapses cannot have; give delays more bits where they need them."""
    if isinstance(p.pool, LazyPool) and p.pool.uniform and p.plasticity.sees != "spikes":
        low, high = int(np.min(steps)), int(np.max(steps))
        if low != p.wire.back or high != p.wire.back:
            other = (low if low != p.wire.back else high) * p.network.dt
            raise ParameterError(
                f"{p.name}: its plastic synapses share one delay of {p.wire.back * p.network.dt:g} ms"
                f"{' behind the axon' if p.wire.axonal else ''}, got {other:g} ms; a projection made with several delays, "
                f"connect(..., delay=ns.uniform(1.0, 2.0)), takes any"
            )
    if np.max(steps) > p.pool.most_delay:
        p.network._widen_delays(p, int(np.max(steps)))


def agree_delays(p: Projection) -> None:
    """Delays have been given on each rank: all must know the shortest and the longest."""
    if ranks.SIZE == 1:
        return
    w, none = p.wire, p.wire.most_delay < 0
    low, high = ranks.least(1 << 62 if none else w.least_delay), ranks.most(w.most_delay)
    if high >= 0:
        w.least_delay = w.most_delay = -1
        p.network.engine.note_delays(w, low, high)
        if high > p.pool.most_delay:
            p.network._widen_delays(p, high)
    p.network.engine.refresh()


# ---- places ---------------------------------------------------------------------------------------------------------


def columns_for(p: Projection, weight: np.ndarray) -> np.ndarray | int:
    """Ring column of the first target for each synapse: the receptor that the sign of the weight asks for."""
    receptors = p.target.model.physics.receptors
    columns = p.wire.columns
    names = list(receptors)
    unit = p.target.model.physics.receptor_unit
    if p.receptor is not None:
        sign = receptors[p.receptor]
        if sign and np.any(np.asarray(weight) * sign < 0):
            raise ParameterError(
                f"{p.name}: receptor {p.receptor!r} takes {'positive' if sign > 0 else 'negative'} weights ({unit}), got "
                f"{float(np.min(np.asarray(weight) * sign) * sign):g}; an inhibitory weight is a negative number in every model"
            )
        return columns[names.index(p.receptor)]
    if len(names) == 1:
        return columns[0]
    positive, negative = (columns[next(k for k, s in enumerate(receptors.values()) if s == sign)] for sign in (1, -1))
    if np.ndim(weight) == 0:
        return positive if weight >= 0 else negative
    if (weight >= 0).all():
        return positive
    return np.where(weight >= 0, positive, negative)


def put(p: Projection, i: np.ndarray, j: np.ndarray, weight: np.ndarray, steps: np.ndarray, rule: str | None) -> None:
    """Insert synapses between places, checked already; `rule` None for the wiring that connect makes."""
    if i.size == 0:
        return
    weight = checked_weights(p, weight)
    column = columns_for(p, weight) + j
    check_delays(p, steps)
    engine, w, pool = p.network.engine, p.wire, p.pool
    engine.note_delays(w, int(np.min(steps)), int(np.max(steps)))
    if ranks.SIZE > 1 and rule is not None:
        _put_own(p, i, j, column, steps, weight)
    elif rule is None and not pool.length[w.row0 : w.row0 + w.n_rows].any():
        flight.note_in_flight(engine, pool, w, np.arange(w.row0, w.row0 + w.n_rows))
        pool.build(w.row0, w.n_rows, w.row_of(i, j), column, steps, weight)
        if pool.extra.size:
            row, slot = pool.edges(w.row0, w.n_rows)[:2]
            pool.extra[pool.places_of(row, slot)] = engine.step
    else:
        row = w.row_of(i, j)
        steps, weight = (one if np.ndim(one) else np.full(i.size, one) for one in (steps, weight))
        flight.note_in_flight(engine, pool, w, row)
        slot = pool.insert(row, column, steps, weight)
        if pool.extra.size:
            pool.extra[pool.places_of(row, slot)] = engine.step
    p._edited(column, 1)
    if rule is not None:
        pre, post = p.source._uid[i], p.target._uid[j]
        p.network.history.add(engine.step, SYNAPSE_BORN, rule, p.name, pre, post, weight, steps * engine.dt)


def _put_own(
    p: Projection, i: np.ndarray, j: np.ndarray, column: np.ndarray, steps: np.ndarray, weight: np.ndarray
) -> None:
    """Insert those of these synapses whose targets this rank has."""
    engine, w, pool = p.network.engine, p.wire, p.pool
    mine = w.owns(j)
    row = w.row_of(i[mine], j[mine])
    steps, weight = (np.broadcast_to(one, i.shape)[mine] for one in (steps, weight))
    flight.note_in_flight(engine, pool, w, row)
    slot = pool.insert(row, column[mine], steps, weight)
    if pool.extra.size:
        pool.extra[pool.places_of(row, slot)] = engine.step
