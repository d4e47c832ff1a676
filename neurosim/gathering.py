"""A state whose pools lie on several ranks as the state of one process with a shard for each, and back.

Knows the arrays and the manifest that `snapshot` makes; knows no network.  Everything but the pools is the same on all ranks.
Row `row0 + t * rows + i` of rank r becomes row `ranks * row0 + (r * shards + t) * rows + i`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine.histories import L, P
from neurosim.engine.lazy_pool import ROW_STATE

PER_EDGE = ("row", "column", "delay", "weight", "ident", "extra", "more")
PER_ROW = (*ROW_STATE, "row_state")
PER_LINE = ("line", "log", "log_trace", "logged", "traced")
PER_PROJECTION = ("parameters", "rates", "where", "post_rate", "signal", "level_rate")
State = tuple[dict[str, Any], dict[str, np.ndarray]]


def merged(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> State:
    """The state of all ranks as that of one process, on rank 0; all ranks must call."""
    told = ranks.objects([[s["cuts"] for s in block["slices"]] for block in manifest["blocks"]])
    for k, block in enumerate(manifest["blocks"]):
        for q, piece in enumerate(block["slices"]):
            cuts: list[int] = []
            for rank, other in enumerate(told):
                cuts += ([piece["borders"][rank - 1]] if rank else []) + other[k][q]
            piece["cuts"], piece["borders"] = cuts, []
    shards = manifest["shards"]
    manifest["shards"] = shards * ranks.SIZE
    for k, entry in enumerate(manifest["pools"]):
        if "procedural" in entry:
            _multiply(entry, ranks.SIZE)
            continue
        prefix = f"pool{k}/"
        own = {name.removeprefix(prefix): arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
        parts = ranks.collect(own)
        if ranks.once():
            arrays |= {prefix + name: value for name, value in _joined(parts, entry["wires"], shards).items()}
        entry["next_ident"] = ranks.most(entry["next_ident"])
        _multiply(entry, ranks.SIZE)
    return manifest, arrays


def _multiply(entry: dict[str, Any], size: int) -> None:
    """Rows of a pool for so many ranks."""
    entry["rows"] *= size
    for wire in entry["wires"]:
        wire["row0"] *= size
        wire["shards"] *= size


def _joined(parts: list[dict[str, np.ndarray]], wires: list[dict[str, Any]], shards: int) -> dict[str, np.ndarray]:
    """Arrays of one pool, from those of each rank."""
    size = len(parts)
    row_map = []
    for rank in range(size):
        one = [
            np.arange(w["rows"] * shards) + size * w["row0"] + rank * shards * w["rows"] for w in wires
        ]  # rows of a wire stand together
        row_map.append(np.concatenate([np.zeros(0, np.int64), *one]))
    out: dict[str, np.ndarray] = {}
    row = [row_map[r][part["row"]] for r, part in enumerate(parts)]
    order = np.argsort(np.concatenate(row), kind="stable")
    for name in PER_EDGE:
        held = [row[r] if name == "row" else part[name] for r, part in enumerate(parts) if name in part]
        if held:
            out[name] = np.concatenate(held)[order]
    at = 0
    first = []
    for part in parts:
        first.append(part["note_first"] + at)
        at += part["amount"].size
    for name in ("note_step", "note_length", "amount"):
        out[name] = np.concatenate([part[name] for part in parts])
    out["note_first"] = np.concatenate(first)
    out["note_row"] = np.concatenate([row_map[r][part["note_row"]] for r, part in enumerate(parts)])
    if "own/place" in parts[0]:
        own = [{n.removeprefix("own/"): a for n, a in part.items() if n.startswith("own/")} for part in parts]
        out |= {f"own/{name}": value for name, value in _lazy_joined(own, row_map, len(wires), shards).items()}
    return out


def _lazy_joined(
    parts: list[dict[str, np.ndarray]], row_map: list[np.ndarray], wires: int, shards: int
) -> dict[str, np.ndarray]:
    """What a pool of plastic synapses keeps besides them."""
    size, out = len(parts), {name: value.copy() for name, value in parts[0].items()}
    n_rows = sum(one.size for one in row_map)
    for name in PER_ROW:
        if name in out:
            out[name] = np.zeros((n_rows, *out[name].shape[1:]), out[name].dtype)
            for one, part in zip(row_map, parts, strict=True):
                out[name][one] = part[name]
    lines: list[tuple[int, np.ndarray]] = []
    place: list[np.ndarray] = []
    which: list[tuple[int, int]] = []
    at = 0
    for w in range(wires):
        for rank in range(size):
            for t in range(shards):
                entry = parts[rank]["place"][w * shards + t].copy()
                n = int(entry[P["POST_HI"]] - entry[P["POST_LO"]])
                lines.append((rank, int(entry[P["LINE0"]]) + np.arange(n)))
                entry[P["LINE0"]], at = at, at + n
                entry[P["ROW0"]] = row_map[rank][entry[P["ROW0"]]] if entry[P["PRE_HI"]] > entry[P["PRE_LO"]] else 0
                out["row_projection"][entry[P["ROW0"]] : entry[P["ROW0"]] + entry[P["PRE_HI"]] - entry[P["PRE_LO"]]] = (
                    len(place)
                )
                place.append(entry)
                which.append((rank, w * shards + t))
    out["place"] = np.array(place, np.int64).reshape(-1, len(P))
    for name in PER_PROJECTION:
        if name in out:
            out[name] = np.stack([parts[rank][name][k] for rank, k in which])
    words = max(part["line"].size // max(1, part["logged"].size) for part in parts)
    histories = {name: [_by_line(name, part, words) for part in parts] for name in PER_LINE if name in out}
    for name, held in histories.items():
        out[name] = np.concatenate([held[rank][line] for rank, line in lines])
    if "past" in out:
        out["past"] = np.concatenate([parts[rank]["past"][:, :, line] for rank, line in lines], axis=2)
    births = np.concatenate(
        [
            np.stack([b[:, 0], m[b[:, 1]], b[:, 2]], 1)
            for b, m in ((p["births"], m) for p, m in zip(parts, row_map, strict=True))
        ]
    )
    out["births"] = births[np.argsort(births[:, 0], kind="stable")]
    ledger = out["ledger"]
    for name, how in (("SAFE", min), ("SWEPT", min), ("WANTED", max), ("AHEAD", max)):
        ledger[L[name]] = how(int(part["ledger"][L[name]]) for part in parts)
    ledger[L["BIRTHS"]] = births.shape[0]
    return out


def _by_line(name: str, part: dict[str, np.ndarray], words: int) -> np.ndarray:
    """An array with one row for each target's history; `words` are those of a line."""
    return part[name].reshape(-1, max(1, words)) if name == "line" else part[name]


def check(manifest: dict[str, Any]) -> None:
    """Refuse a save of what several ranks cannot go on with; what makes such things refuses them too."""
    instead = "load it without mpirun"
    for process in manifest["processes"]:
        if process["class"].endswith(":EProp"):
            ranks.refuse(f"load: {process['class'].partition(':')[2]}", instead)


def own_part(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> State:
    """Of the state of one process with a shard for each rank, what this rank keeps: one shard."""
    rank, size = ranks.RANK, ranks.SIZE
    for block in manifest["blocks"]:
        for piece in block["slices"]:
            piece["borders"], piece["cuts"] = piece["cuts"], []
    manifest["shards"] = 1
    for k, entry in enumerate(manifest["pools"]):
        prefix = f"pool{k}/"
        whole = {name.removeprefix(prefix): arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
        if whole:  # procedural synapses are nowhere
            arrays |= {prefix + name: value for name, value in _own(whole, entry["wires"], rank, size).items()}
        entry["rows"] //= size
        for wire in entry["wires"]:
            wire["row0"] //= size
            wire["shards"] = 1
    return manifest, arrays


def _own(whole: dict[str, np.ndarray], wires: list[dict[str, Any]], rank: int, size: int) -> dict[str, np.ndarray]:
    n_rows = sum(w["rows"] for w in wires) * size
    kept = np.concatenate(
        [np.zeros(0, np.int64), *[w["row0"] + rank * w["rows"] + np.arange(w["rows"]) for w in wires]]
    )
    new = np.full(n_rows, -1, np.int64)
    new[kept] = np.arange(kept.size)
    hit = new[whole["row"]] >= 0
    out = {name: whole[name][hit] for name in PER_EDGE if name in whole}
    out["row"] = new[out["row"]]
    noted = np.flatnonzero(new[whole["note_row"]] >= 0)
    length = whole["note_length"][noted].astype(np.int64)
    first = np.cumsum(length) - length
    amounts = np.repeat(whole["note_first"][noted] - first, length) + np.arange(int(length.sum()))
    out |= {name: whole[name][noted] for name in ("note_step", "note_length")}
    out |= {"note_row": new[whole["note_row"][noted]], "note_first": first, "amount": whole["amount"][amounts]}
    if "own/place" not in whole:
        return out
    own = {n.removeprefix("own/"): a for n, a in whole.items() if n.startswith("own/")}
    lazy = {name: own[name][kept] if name in PER_ROW else own[name].copy() for name in own}
    mine = np.arange(len(wires)) * size + rank
    lazy["place"] = own["place"][mine].copy()
    lines, at = [np.zeros(0, np.int64)], 0
    for w, entry in enumerate(lazy["place"]):
        n = int(entry[P["POST_HI"]] - entry[P["POST_LO"]])
        lines.append(int(entry[P["LINE0"]]) + np.arange(n))
        entry[P["LINE0"]], entry[P["ROW0"]], at = at, wires[w]["row0"] // size, at + n
    line = np.concatenate(lines)
    for name in PER_LINE:
        if name in own:
            lazy[name] = _by_line(name, own, own["line"].size // max(1, own["logged"].size))[line]
    if "past" in own:
        lazy["past"] = own["past"][:, :, line]
    for name in PER_PROJECTION:
        if name in own:
            lazy[name] = own[name][mine]
    lazy["row_projection"] = np.repeat(np.arange(len(wires)), [w["rows"] for w in wires]).astype(
        own["row_projection"].dtype
    )
    births = own["births"][new[own["births"][:, 1]] >= 0].copy()
    births[:, 1] = new[births[:, 1]]
    lazy["births"] = births
    lazy["ledger"][L["BIRTHS"]] = births.shape[0]
    return out | {f"own/{name}": value for name, value in lazy.items()}
