"""The whole state of a network as plain values and arrays, and back, in place.

Synapses are written in one canonical order (row, place in the row), whatever blocks and holes they lie in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import gathering, joining, ranks
from neurosim.connecting import ProjectionGroup
from neurosim.encoding import Decoder, Encoder
from neurosim.engine import exchange
from neurosim.engine.blocks import Block, Slice
from neurosim.engine.coded_pool import STORES, CodedPool
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.engine.inputs import Applied
from neurosim.engine.layout import Watch
from neurosim.engine.loop import Engine
from neurosim.engine.pools import PlasticPool, RulePool, StaticPool, Wire
from neurosim.errors import SaveError
from neurosim.graph import RowPool
from neurosim.junctions import GapJunctions
from neurosim.kernels import batches
from neurosim.kernels.events import EventPlan
from neurosim.plasticity.mechanism import as_parts
from neurosim.population import Population, Region, View
from neurosim.projection import Projection
from neurosim.recording import StateRecorder
from neurosim.stimulating import StimulusHandle

if TYPE_CHECKING:
    from neurosim.network import Network

NOTES = ("note_step", "note_row", "note_first", "note_length")
WIRE = (
    "number",
    "pre",
    "post",
    "row0",
    "shards",
    "rows",
    "receptor",
    "axonal",
    "back",
    "release",
    "least_delay",
    "most_delay",
    "modulator",
    "modulator_index",
    "low",
    "high",
    "said",
    "draws",
    "rounding",
)
Objects = dict[str, Any]


def export(net: Network, *, lasting: bool = False) -> tuple[dict[str, Any], dict[str, np.ndarray], Objects]:
    """(manifest, arrays, live objects); the objects let `take` restore in place.

    `lasting`: without the objects, so that what cannot be written down is refused.
    """
    encode = Encoder(_reference, lasting=lasting)
    if lasting:
        exchange.know_all(net.engine)
    arrays = encode.arrays
    engine = net.engine
    manifest: dict[str, Any] = {
        "kind": "neurosim network", "dt": net.dt, "seed": net.seed, "first_step": net.first_step, "step": net.step,
        "default_delay": net.default_delay, "counters": dict(net._counters), "shards": engine.shards,
    }  # fmt: skip
    manifest["populations"] = [
        {
            "name": p.name,
            "number": p.number,
            "model": encode(p.model),
            "region": p.region,
            "positions": encode(p.positions),
            "placement": encode(p.placement),
            "birth": encode(p.birth),
        }
        for p in net.populations.values()
    ]
    manifest["blocks"] = [_block_out(k, b, arrays, encode) for k, b in enumerate(engine.blocks)]
    manifest["pools"] = [_pool_out(k, p, arrays, encode) for k, p in enumerate(engine.pools)]
    arrays |= {
        "ring": engine.ring.copy(),
        "recent/step": engine.recent_step.copy(),
        "recent/place": engine.recent_place.copy(),
    }
    manifest["projections"] = [_projection_out(p, engine, encode) for p in net.projections.values()]
    manifest["gap_junctions"] = [joining.describe(j, encode) for j in net.gap_junctions.values()]
    arrays |= {f"gaps/{name}": value for name, value in engine.gaps.arrays().items()}
    manifest["stimuli"] = [_stimulus_out(s, encode) for s in net.stimuli]
    manifest["processes"] = [_process_out(k, p, net, arrays, encode) for k, p in enumerate(net.processes)]
    manifest["recorders"] = [_recorder_out(k, r, arrays, encode) for k, r in enumerate(net.recorders)]
    arrays |= {f"history/{name}": value.copy() for name, value in net.history.arrays(whole=lasting).items()}
    manifest["history"] = net.history.describe(whole=lasting)
    todo = [_number_of(one, net) for one in net._todo]
    manifest["todo"] = [place for place in todo if place[1] >= 0]
    objects: Objects = {
        "populations": dict(net.populations), "projections": dict(net.projections), "processes": list(net.processes),
        "recorders": list(net.recorders), "stimuli": list(net.stimuli), "gap_junctions": dict(net.gap_junctions), "functions": dict(encode.functions),
    }  # fmt: skip
    whole = {name: value if lasting and name.startswith("pool") else np.array(value) for name, value in arrays.items()}
    if lasting and ranks.SIZE > 1:
        manifest, whole = gathering.merged(manifest, whole)
    return manifest, whole, objects


def take_own(
    net: Network, manifest: dict[str, Any], arrays: Mapping[str, np.ndarray], objects: Objects, models: Any
) -> None:
    """As `take` of what was saved by any number of ranks: this rank keeps its own part."""
    if ranks.SIZE == 1:
        return take(net, manifest, arrays, objects, models)
    gathering.check(manifest)
    size = ranks.SIZE
    with ranks.apart():
        take(net, manifest, arrays, objects, models)
        net.engine.divide(size)
        manifest, arrays, objects = export(net)
    manifest, arrays = gathering.own_part(manifest, dict(arrays))
    take(net, manifest, arrays, objects)
    return None


def take(
    net: Network,
    manifest: dict[str, Any],
    arrays: Mapping[str, np.ndarray],
    objects: Objects,
    models: Mapping[str, type] | None = None,
) -> None:
    """Put the state into `net`; objects that it names are used again, others are made."""
    decode = Decoder(arrays, lambda value: _resolve(net, value), objects.get("functions", {}), models or {})
    net.first_step = manifest["first_step"]
    net._counters = dict(manifest["counters"])
    store, net.engine = net.engine.store, Engine(net.dt, net.seed, manifest["step"])
    engine = net.engine
    engine.store = store
    engine.shards = net._threads_used = manifest.get("shards", 1)
    for population in net.populations.values():
        population.alive = False
    for projection in net.projections.values():
        projection.alive = False
    net.populations = {}
    for entry in manifest["populations"]:
        population = objects.get("populations", {}).get(entry["name"])
        if population is None:
            population = Population(net, entry["name"], decode(entry["model"]), entry["number"], entry["region"], None)
        population.positions, population.alive = decode(entry["positions"]), True
        population.placement = tuple(decode(entry["placement"])) if entry.get("placement") else None
        net.populations[entry["name"]] = population
    physics = {p.number: p.model.physics for p in net.populations.values()}
    for k, entry in enumerate(manifest["blocks"]):
        _block_in(k, entry, engine, physics, arrays, decode)
    for entry in manifest["populations"]:  # a save of an older version has no births: all count from the beginning
        birth = (
            decode(entry["birth"]) if "birth" in entry else np.full(engine.home[entry["number"]][1].n, net.first_step)
        )
        net.populations[entry["name"]].birth = birth
    engine.relabel(net._counters.get("population", 0))
    engine.ring = np.array(arrays["ring"])
    engine.recent_step, engine.recent_place = np.array(arrays["recent/step"]), np.array(arrays["recent/place"])
    engine.pools = [_pool_in(k, entry, net, arrays, decode) for k, entry in enumerate(manifest["pools"])]
    net.projections = {e["name"]: _projection_in(e, net, objects, decode) for e in manifest["projections"]}
    engine.gaps.set_arrays({n.removeprefix("gaps/"): a for n, a in arrays.items() if n.startswith("gaps/")})
    joining.restore(net, manifest.get("gap_junctions", []), objects.get("gap_junctions", {}), decode)
    _stimuli_in(manifest["stimuli"], net, objects, decode)
    engine.settle()
    named = {name.removeprefix("history/"): value for name, value in arrays.items() if name.startswith("history/")}
    net.history.set_arrays(named, manifest["history"])
    _processes_in(manifest["processes"], net, objects, arrays, decode)
    _recorders_in(manifest["recorders"], net, objects, arrays, decode)
    net._todo = [(net.processes if kind == "process" else net.recorders)[k] for kind, k in manifest["todo"]]


def _number_of(one: Any, net: Network) -> tuple[str, int]:
    """Where a process or recorder stands in the lists of the network."""
    for kind, held in (("process", net.processes), ("recorder", net.recorders)):
        for k, other in enumerate(held):
            if other is one:
                return kind, k
    return "process", -1


def _reference(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Population):
        return {"population": value.name}
    if isinstance(value, View):
        return {"view": value.population.name, "uid": value.where.tolist()}
    if isinstance(value, Region):
        return {"region": value.path}
    if isinstance(value, Projection):
        return {"projection": value.name}
    if isinstance(value, GapJunctions):
        return {"gap_junctions": value.name}
    if isinstance(value, ProjectionGroup):
        return {"group": value.name, "projections": [p.name for p in value]}
    return None


def _resolve(net: Network, value: dict[str, Any]) -> Any:
    if "population" in value:
        return net.populations[value["population"]]
    if "view" in value:
        return View(net.populations[value["view"]], np.array(value["uid"], np.int64))
    if "region" in value:
        return Region(net, value["region"])
    if "gap_junctions" in value:
        return net.gap_junctions[value["gap_junctions"]]
    if "group" in value:
        return ProjectionGroup(value["group"], [net.projections[n] for n in value["projections"]])
    return net.projections[value["projection"]]


# ---- neurons ---------------------------------------------------------------------------------------------------------


def _block_out(k: int, b: Block, arrays: dict[str, np.ndarray], encode: Encoder) -> dict[str, Any]:
    for name in ("state", "waiting", "uid"):
        arrays[f"block{k}/{name}"] = getattr(b, name).copy()
    slices = []
    for s in b.slices:
        entry = {
            "number": s.number,
            "n": s.n,
            "first": s.first,
            "room": s.room,
            "cuts": s.cuts.tolist(),
            "borders": s.borders.tolist(),
        }
        entry |= {"parameters": encode(s.parameters), "spontaneous": encode(s.spontaneous)}
        if s.number in b.lists:
            entry["list"] = encode(list(b.lists[s.number]))
        slices.append(entry)
    return {
        "room": b.room,
        "varied": sorted(b.varied),
        "current": b.current,
        "spontaneous": b.spontaneous,
        "slices": slices,
    }


def _block_in(
    k: int,
    entry: dict[str, Any],
    engine: Engine,
    physics: dict[int, Any],
    arrays: Mapping[str, np.ndarray],
    decode: Decoder,
) -> None:
    b = Block(physics[entry["slices"][0]["number"]], engine.dt, engine.seed)
    b._set_room(entry["room"])
    for name in ("state", "waiting", "uid"):
        setattr(b, name, np.array(arrays[f"block{k}/{name}"]))
    b.varied, b.current, b.spontaneous = set(entry["varied"]), entry["current"], entry["spontaneous"]
    for e in entry["slices"]:
        parameters = {name: np.asarray(value) for name, value in decode(e["parameters"]).items()}
        uid = b.uid[e["first"] : e["first"] + e["n"]].copy()
        spontaneous, cuts = np.asarray(decode(e["spontaneous"])), np.array(e.get("cuts", []), np.int64)
        borders = np.array(e.get("borders", []), np.int64)
        s = Slice(e["number"], e["n"], parameters, e["first"], e["room"], spontaneous, uid, cuts, borders)
        b.slices.append(s)
        engine.home[s.number] = b, s
        if "list" in e:
            step, index = decode(e["list"])
            b.lists[s.number] = step, index
    engine.blocks.append(b)


# ---- synapses --------------------------------------------------------------------------------------------------------


def _pool_out(k: int, pool: Any, arrays: dict[str, np.ndarray], encode: Encoder) -> dict[str, Any]:
    if isinstance(pool, ImplicitPool):
        wires = [{name: getattr(w, name) for name in WIRE} for w in pool.wires]
        recipes = [{"recipe": encode(pool.recipes[w.number]), "synapses": pool.count(w)} for w in pool.wires]
        return {"procedural": recipes, "rows": pool.n_rows, "wires": wires}
    row, slot, column, delay, weight = RowPool.edges(pool)
    weight = pool.codes_of(row, slot) if isinstance(pool, CodedPool) else weight
    arrays |= {f"pool{k}/row": row, f"pool{k}/column": column, f"pool{k}/delay": delay, f"pool{k}/weight": weight}
    for name in ("ident", "extra", "more"):
        if row.size and getattr(pool, name).size:
            arrays[f"pool{k}/{name}"] = _in_order(pool, getattr(pool, name), row, slot)
    n, m = (int(x) for x in pool.note_used)
    arrays |= {f"pool{k}/{name}": getattr(pool, name)[:n].copy() for name in NOTES}
    arrays[f"pool{k}/amount"] = pool.amount[:m].copy()
    entry: dict[str, Any] = {
        "rows": pool.n_rows, "column_bits": pool.column_bits, "dtype": pool.store, "next_ident": pool.next_ident,
        "wants_ident": pool._wants_ident, "wants_extra": pool._wants_extra,
    }  # fmt: skip
    if isinstance(pool, RulePool):
        entry |= {"rule": encode(pool.wires[0].rule), "uniform": pool.uniform, "levels": pool.plan.levels}
        arrays |= {f"pool{k}/own/{name}": value for name, value in pool.own_arrays().items()}
    elif isinstance(pool, PlasticPool):
        entry |= {"rule": encode(pool.wires[0].rule), "uniform": pool.uniform}
        own = pool.own_arrays()
        arrays |= {f"pool{k}/own/{name}": value for name, value in own.items()}
    else:
        entry["released"] = pool.released
    entry["wires"] = [{name: getattr(w, name) for name in WIRE} | {"rule": encode(w.rule)} for w in pool.wires]
    return entry


def _in_order(pool: RowPool, column: np.ndarray, row: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """A column in the order of these synapses, a piece at a time."""
    flat = pool.array_for(row.size * (column.size // column.shape[0]), column.dtype)
    out = flat.reshape(row.size, *column.shape[1:])
    for cut in batches.chunks(row.size):
        out[cut] = column[pool.places_of(row[cut], slot[cut])]
    return out


def _pool_in(k: int, entry: dict[str, Any], net: Network, arrays: Mapping[str, np.ndarray], decode: Decoder) -> Any:
    pool: Any
    if "procedural" in entry:
        pool = ImplicitPool(net.dt)
        pool.n_rows, pool.wires = entry["rows"], [Wire(**w) for w in entry["wires"]]
        for wire, one in zip(pool.wires, entry["procedural"], strict=True):
            pool.recipes[wire.number], pool.counts[wire.number] = decode(one["recipe"]), one["synapses"]
        return pool
    rule = decode(entry["rule"]) if "rule" in entry else None
    if "levels" in entry:
        parts = tuple(one.mechanism for one in as_parts(rule))
        pool = RulePool(EventPlan(parts, entry["uniform"], entry["dtype"], entry["levels"]), dt=net.dt, step=net.step)
    elif "rule" in entry:
        pool = PlasticPool(rule, uniform=entry["uniform"], dt=net.dt, dtype=entry["dtype"], step=net.step)
    elif entry["dtype"] in STORES:
        pool = CodedPool(store=entry["dtype"], released=entry["released"])
    else:
        pool = StaticPool(dtype=entry["dtype"], released=entry["released"])
    net.engine.keep(pool)
    pool.column_bits = entry["column_bits"]
    row, column, delay, weight = (arrays[f"pool{k}/{name}"] for name in ("row", "column", "delay", "weight"))
    if "rule" in entry:
        prefix = f"pool{k}/own/"
        own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
        RowPool.add_rows(pool, entry["rows"])
        RowPool.build(pool, 0, entry["rows"], row, column, delay, weight)
        pool.set_own_arrays(own)
    elif isinstance(pool, CodedPool):
        pool.add_rows(entry["rows"])
        pool.build_codes(0, entry["rows"], row, column, delay, weight)
    else:
        pool.add_rows(entry["rows"])
        pool.build(0, entry["rows"], row, column, delay, weight)
    if entry["wants_ident"]:
        pool.want_ident()
    if entry["wants_extra"]:
        pool.want_extra()
    first = np.cumsum(pool.length.astype(np.int64)) - pool.length  # the rows ascend
    for name in ("ident", "extra", "more"):
        for cut in batches.chunks(row.size) if f"pool{k}/{name}" in arrays else ():
            rows = np.array(row[cut])  # a copy: what a save holds may be read-only
            place = pool.places_of(rows, np.arange(cut.start, cut.stop) - first[rows])
            getattr(pool, name)[place] = arrays[f"pool{k}/{name}"][cut]
    pool.next_ident = entry["next_ident"]
    pool.reserve_notes(arrays[f"pool{k}/note_row"].size + 1, arrays[f"pool{k}/amount"].size + 1)
    n, m = arrays[f"pool{k}/note_row"].size, arrays[f"pool{k}/amount"].size
    for name in NOTES:
        getattr(pool, name)[:n] = arrays[f"pool{k}/{name}"]
    pool.amount[:m] = arrays[f"pool{k}/amount"]
    pool.note_used[:] = n, m
    pool.wires = [Wire(**{name: w[name] for name in WIRE if name in w}, rule=decode(w["rule"])) for w in entry["wires"]]
    if isinstance(pool, RulePool):
        pool.rules = [as_parts(w.rule) for w in pool.wires for _ in range(w.shards)]
    return pool


def _projection_out(p: Projection, engine: Engine, encode: Encoder) -> dict[str, Any]:
    return {
        "name": p.name, "source": p.source.name, "target": p.target.name, "pool": engine.pools.index(p.pool), "wire": p.wire.number,
        "plasticity": encode(p.plasticity), "autapses": p.autapses, "parallel": p.parallel, "receptor": p.receptor,
        "default_weight": encode(p.default_weight), "default_delay": encode(p.default_delay), "folded": p.folded, "births": p.births,
    }  # fmt: skip


def _projection_in(e: dict[str, Any], net: Network, objects: Objects, decode: Decoder) -> Projection:
    pool = net.engine.pools[e["pool"]]
    wire = next(w for w in pool.wires if w.number == e["wire"])
    p = objects.get("projections", {}).get(e["name"])
    if p is None:
        p = Projection(
            net, e["name"], net.populations[e["source"]], net.populations[e["target"]], pool, wire, plasticity=wire.rule,
            autapses=e["autapses"], parallel=e["parallel"], receptor=e["receptor"],
        )  # fmt: skip
    p.pool, p.wire, p.alive, p.plasticity = pool, wire, True, wire.rule
    p.default_weight, p.default_delay = decode(e["default_weight"]), decode(e["default_delay"])
    p.folded, p.births = e["folded"], e["births"]
    p.version += 1
    p.numbering += p.procedural or not pool._wants_ident  # handles on synapses that had no number then are gone
    return p


# ---- stimuli, processes, recorders -----------------------------------------------------------------------------------


def _stimulus_out(s: Any, encode: Encoder) -> dict[str, Any]:
    applied = [
        {"stimulus": encode(a.stimulus), "number": a.number, "population": a.population, "index": encode(a.index), "receptor": a.receptor,
         "memory": encode(a.memory)}
        for a in s.applied
    ]  # fmt: skip
    return {"stimulus": encode(s.stimulus), "parts": encode(s.parts), "active": s.active, "applied": applied}


def _stimuli_in(entries: list[dict[str, Any]], net: Network, objects: Objects, decode: Decoder) -> None:
    net.stimuli = []
    for k, e in enumerate(entries):
        applied = [
            Applied(
                decode(a["stimulus"]),
                a["number"],
                a["population"],
                decode(a["index"]),
                a["receptor"],
                e["active"],
                memory=decode(a["memory"]),
            )
            for a in e["applied"]
        ]
        old = objects.get("stimuli", [])
        handle = old[k] if k < len(old) else StimulusHandle(net, decode(e["parts"]), decode(e["stimulus"]), applied)
        handle.applied, handle._active = applied, e["active"]
        net.stimuli.append(handle)
        net.engine.applied += applied
    net.engine.applied.sort(key=lambda a: a.number)


def _process_out(k: int, process: Any, net: Network, arrays: dict[str, np.ndarray], encode: Encoder) -> dict[str, Any]:
    if hasattr(process, "arrays"):
        arrays |= {f"process{k}/{name}": value for name, value in process.arrays().items()}
    if id(process) in net._pending:
        parts = net._pending[id(process)]
        for place, name in enumerate(("stamp", "uid")):
            arrays[f"process{k}/pending/{name}"] = np.concatenate([np.zeros(0, np.int64), *[p[place] for p in parts]])
    kind = type(process)
    entry: dict[str, Any] = {"class": f"{kind.__module__}:{kind.__qualname__}", "described": None}
    if hasattr(process, "describe"):
        entry["described"] = encode(process.describe())
    elif is_dataclass(process):
        entry["described"] = encode({f.name: getattr(process, f.name) for f in fields(process) if f.init})
    elif encode.lasting:
        raise SaveError(
            f"save: the process {process!r} does not say how it is made; give {kind.__name__} a method describe() that returns the "
            f"arguments of its __init__ by name, make it a dataclass, or net.remove(...) it first"
        )
    return entry


def _processes_in(
    entries: list[dict[str, Any]], net: Network, objects: Objects, arrays: Mapping[str, np.ndarray], decode: Decoder
) -> None:
    net.processes, net._pending = [], {}
    for k, e in enumerate(entries):
        old = objects.get("processes", [])
        process = old[k] if k < len(old) else decode.class_of(e["class"])(**decode(e["described"]))
        if k >= len(old) and hasattr(process, "start"):
            process.start(net)
        prefix = f"process{k}/"
        own = {
            n.removeprefix(prefix): v
            for n, v in arrays.items()
            if n.startswith(prefix) and not n.startswith(prefix + "pending/")
        }
        if own:
            process.set_arrays(own)
        net.processes.append(process)
        if hasattr(process, "observe"):
            stamp, uid = (np.array(arrays[f"{prefix}pending/{name}"]) for name in ("stamp", "uid"))
            net._pending[id(process)] = [(stamp, uid)] if stamp.size else []


def _recorder_out(k: int, r: Any, arrays: dict[str, np.ndarray], encode: Encoder) -> dict[str, Any]:
    arrays |= {f"recorder{k}/{name}": value for name, value in r.arrays().items()}
    options = {"start": r.start, "window": encode(r.window), "ring": r.ring}
    entry = {"class": f"{type(r).__module__}:{type(r).__qualname__}", "label": r.label, "options": options}
    if hasattr(r, "targets"):
        entry["targets"] = encode(r.targets)
    if hasattr(r, "projection"):
        entry |= {"projection": r.projection.name, "keep_edges": r.keep_edges}
    own = {name: getattr(r, name) for name in ("every", "variable", "unit", "uid") if name in r.__dict__}
    if hasattr(r, "to"):
        own |= {"to": r.to, "chunk": r.chunk}
    entry["more"] = encode(own)
    if isinstance(r, StateRecorder):
        entry["population"] = encode(r.population)
    return entry


def _recorders_in(
    entries: list[dict[str, Any]], net: Network, objects: Objects, arrays: Mapping[str, np.ndarray], decode: Decoder
) -> None:
    net.recorders = []
    for k, e in enumerate(entries):
        old = objects.get("recorders", [])
        options = dict(e["options"])
        options["window"] = None if options["window"] is None else tuple(options["window"])
        r = old[k] if k < len(old) else decode.class_of(e["class"])(e["label"], net.dt, **decode(e["more"]), **options)
        r.set_arrays({n.removeprefix(f"recorder{k}/"): v for n, v in arrays.items() if n.startswith(f"recorder{k}/")})
        if "targets" in e:
            r.targets = decode(e["targets"])
        if "projection" in e:
            r.bind(net.projections[e["projection"]], e["keep_edges"])
        if isinstance(r, StateRecorder):
            r.population = decode(e["population"])
            own = r.population.population.uid
            index = np.searchsorted(own, r.uid)
            index = np.where(np.isin(r.uid, own), index, -1)
            net.engine.watches.append(Watch(r.population.population.number, r.variable, index, r.every, r.take))
        net.recorders.append(r)
    net._follow()
