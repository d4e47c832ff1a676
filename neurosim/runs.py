"""The folder of a run: what it was, its numbers and its graph, as JSON and .npy files that another process reads later.

`keep_run` looks at a network and its recorders and changes nothing in them; `read_run` knows files only, no network.

The folder `run` holds manifest.json, with what is words or single numbers, and a .npy file for each array, whose file name the
manifest tells.  Neurons go by uid, times in ms are called t, steps are multiples of dt.

    neurons/    uid, population (place in the manifest's), born, died (steps), in, out (synapses now), position, label
    edges/      pre, post, weight, projection (place in the manifest's): the synapses at the end, or a random share of them
    lives/      pre, post, born, died (steps), weight, projection, rule_born, rule_died: all synapses that there were; and the
                names of projections and rules
    growth/     step [times], born, died [times - 1, rules, projections]: counts between those times
    spikes/k/   t, uid, neurons         rates/k/    t, rate         weights/k/  t, edges, count [samples, bins], median
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import checkpoint, ranks
from neurosim.errors import ParameterError, SaveError
from neurosim.history import NEURON_BORN, NEURON_DIED, SYNAPSE_BORN, SYNAPSE_DIED
from neurosim.lifetimes import LONG_AGO, NEVER, Lifetimes, Members, Table

if TYPE_CHECKING:
    import pandas

    from neurosim.network import Network

FOLDER, KIND, FORMAT = "run", "neurosim run", 1
#: What a folder holds at most; the true numbers are always in the manifest.
MOST_SPIKES, MOST_EDGES, MOST_LIVES = 200_000, 2_000_000, 2_000_000
BINS = 200  # of births and deaths over time
RATE_BINS, SPIKES_PER_BIN = 400, 50  # at most, and on average at least, of rates counted from spikes
WEIGHT_BINS, WEIGHT_SAMPLES = 60, 200

_COMMAND: ContextVar[Mapping[str, Any] | None] = ContextVar("command", default=None)


@contextmanager
def run_as(scenario: str, arguments: Mapping[str, Any], command: str) -> Iterator[None]:
    """What `keep_run` inside is to know: the scenario, the arguments of its `main`, and the command that began it."""
    token = _COMMAND.set({"scenario": scenario, "arguments": dict(arguments), "command": command})
    try:
        yield
    finally:
        _COMMAND.reset(token)


# ---- keeping --------------------------------------------------------------------------------------------------------


def keep_run(
    out: str | Path, net: Network, *, spikes: Any = None, rates: Any = None, weights: Any = None, title: str = "",
    parameters: Mapping[str, object] | None = None, notes: str = "", positions: Any = None, labels: Any = None,
) -> Path:  # fmt: skip
    """Keep a run in the folder `out`/run, for `neurosim report out` and for `ns.read_run(out)`.

    Neurons, projections, the history of the graph and the graph itself come from the network, name and arguments of the
    scenario from `neurosim run`.  The folder appears whole or not at all; an older run in it is replaced.

    Parameters
    ----------
    out : str or Path
        Folder of the run's results; made if it is not there.
    net : Network
        As it is after its last `run`.
    spikes : spike recorder or list of them, optional
        At most 200,000 spikes are kept, chosen at random from all; rates are counted from all.
    rates : rate recorder or list of them, optional
        Left out: counted from `spikes`, for each population.
    weights : weight recorder or list of them, optional
        Kept as histograms over time.  The weights at the end are kept anyway.
    title : str
        Left out: name of the scenario.
    parameters : mapping of str to value, optional
        Of the run, beside the arguments that `neurosim run` gave to the scenario.
    notes : str
        What the run found, line by line.
    positions : mapping {uid: (x, y)} or array [uid, 2], optional
        Where the picture of the graph puts neurons.  Left out: positions of the populations, if all have them.
    labels : mapping {uid: name} or sequence of names by uid, optional
        Names of neurons.

    Returns
    -------
    Path
        The folder written.

    Raises
    ------
    ParameterError
        Something given is not the recorder it should be.
    SaveError
        `out`/run exists and is something else.

    Examples
    --------
    ::

        spikes = net.record(exc, "spikes")
        net.run(10_000.0)
        ns.keep_run("runs/mine", net, spikes=spikes, title="My network", parameters={"target": 8.0})
    """
    if not all(hasattr(net, name) for name in ("populations", "projections", "history", "step")):
        raise ParameterError(
            f'keep_run(net): needs a Network, got {net!r}; write ns.keep_run("runs/mine", net, spikes=spikes)'
        )
    target = Path(out) / FOLDER
    ranks.by_one(lambda: _check_replaceable(target))
    trains = _as_list("spikes", spikes, ("t", "uid", "n", "span"), 'a spike recorder, net.record(exc, "spikes")')
    rated = _as_list("rates", rates, ("t", "rate", "width"), 'a rate recorder, net.record(exc, "rates")')
    sampled = _as_list("weights", weights, ("t", "weight", "pre"), 'a weight recorder, net.record(ee, "weights")')
    arrays: dict[str, np.ndarray] = {}
    told = _COMMAND.get() or {}
    scenario = str(told.get("scenario", ""))
    settings = {**told.get("arguments", {}), **dict(parameters or {})}
    manifest: dict[str, Any] = {
        "kind": KIND, "run_format": FORMAT, "title": str(title) or scenario or "A run of neurosim", "scenario": scenario,
        "command": str(told.get("command", "")),
        "kept": datetime.now(UTC).isoformat(timespec="seconds"), "notes": str(notes),
        "parameters": {str(key): _plain(value) for key, value in settings.items() if key not in ("out", "progress")},
        "seed": net.seed, "dt": net.dt, "first_step": net.first_step, "step": net.step, "numba": _numba(),
        "neurons": net.n_neurons, "synapses": net.n_synapses, "gap_junctions": net.n_gap_junctions,
        "processes": [repr(one) for one in net.processes],
        "stimuli": [f"{one.stimulus!r} on {', '.join(part.label for part in one.parts)}" for one in net.stimuli],
    }  # fmt: skip
    manifest["history"] = _keep_history(net, arrays)
    manifest["projections"] = _keep_edges(net, arrays)
    members = _keep_lives(net, arrays) if manifest["history"]["whole"] else _living(net)
    manifest["populations"] = _keep_neurons(net, members, arrays, positions, labels)
    manifest["spikes"] = [_keep_spikes(net, k, one, arrays) for k, one in enumerate(trains)]
    manifest["rates"] = _keep_rates(rated, trains, arrays)
    manifest["weights"] = [_keep_weights(k, one, arrays) for k, one in enumerate(sampled)]
    ranks.by_one(lambda: checkpoint.write(target, manifest, arrays))
    return target


def _check_replaceable(target: Path) -> None:
    """A folder of that name is replaced if it holds a run."""
    if not target.exists():
        return
    try:
        kind = json.loads((target / "manifest.json").read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind != KIND:
        raise SaveError(
            f"keep_run({str(target.parent)!r}): {str(target)!r} exists and holds no run; take another folder"
        )


def _as_list(name: str, given: Any, needed: Sequence[str], expected: str) -> list[Any]:
    """The recorders given, checked."""
    several = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    for one in several:
        missing = [attribute for attribute in needed if not hasattr(one, attribute)]
        if missing:
            raise ParameterError(
                f"keep_run({name}): needs {expected}, or a list of them, got {type(one).__name__} without {', '.join(missing)}"
            )
    return several


def _plain(value: object) -> Any:
    """A value as JSON has it; what JSON has not becomes text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple) and len(value) <= 100:
        return [_plain(one) for one in value]
    if isinstance(value, Mapping) and len(value) <= 100:
        return {str(key): _plain(one) for key, one in value.items()}
    return getattr(value, "__name__", None) or repr(value)[:500]


def _numba() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("numba")
    except PackageNotFoundError:
        return "not installed"


def _keep_history(net: Network, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Births and deaths after the start: counts over time by rule and projection, and if not too many each synapse's life."""
    history, first = net.history, net.first_step
    step, kind = np.asarray(history.step), np.asarray(history.kind)
    # The clock may have been put back.  What was edited before the first step is there from the start.
    since = step > first
    step, kind = step[since], kind[since]
    rules, projections = list(history.rules), list(history.projections)
    edges = np.unique(np.round(np.linspace(first, max(net.step, first + 1), BINS + 1)).astype(np.int64))
    place = np.clip(np.searchsorted(edges, step, side="left") - 1, 0, edges.size - 2)
    shape = (edges.size - 1, max(1, len(rules)), max(1, len(projections)))
    rule, projection = np.asarray(history.rule)[since], np.asarray(history.projection)[since]
    arrays["growth/step"] = edges
    for word, which in (("born", SYNAPSE_BORN), ("died", SYNAPSE_DIED)):
        here = kind == which
        where = np.ravel_multi_index((place[here], rule[here], projection[here]), shape)
        arrays[f"growth/{word}"] = np.bincount(where, minlength=int(np.prod(shape))).reshape(shape)
    born, died, came, went = (
        int((kind == one).sum()) for one in (SYNAPSE_BORN, SYNAPSE_DIED, NEURON_BORN, NEURON_DIED)
    )
    late = sum(one.synapses for one in history.wirings if one.step > first)
    start = net.n_synapses - born + died - late
    whole = net.n_synapses + died <= MOST_LIVES
    return {
        "rules": rules, "projections": projections, "start": start, "born": born, "died": died, "connected": late,
        "neurons_born": came, "neurons_died": went, "earlier": int((~since).sum()), "whole": whole,
    }  # fmt: skip


def _keep_lives(net: Network, arrays: dict[str, np.ndarray]) -> Members:
    """Every synapse that there was: ends, projection, first and last step, the rules that made and took it, weight."""
    lives = net.history.lifetimes()
    table = lives.table
    there = table.died > net.first_step
    columns = {"pre": table.pre, "post": table.post, "born": table.born, "died": table.died}
    for name, column in columns.items():
        arrays[f"lives/{name}"] = np.array(column[there], np.int64)
    arrays["lives/weight"] = np.array(table.weight[there], np.float32)
    for name, column in (("projection", table.wire), ("rule_born", table.rule_born), ("rule_died", table.rule_died)):
        arrays[f"lives/{name}"] = np.array(column[there], np.int32)
    for name, listed in (("projections", lives.names), ("rules", lives.rules)):
        arrays[f"lives/{name}"] = np.array(listed, "U") if listed else np.zeros(0, "U1")
    return lives.members


def _living(net: Network) -> Members:
    """The neurons that there are."""
    populations = list(net.populations.values())
    uid = np.concatenate([np.zeros(0, np.int64), *[p.uid for p in populations]])
    order = np.argsort(uid)
    sizes = [len(p) for p in populations]
    names, regions = (np.repeat(np.array(listed, object), sizes)[order] for listed in
                      ([p.name for p in populations], [p.region for p in populations]))  # fmt: skip
    return Members(uid[order], names, regions, np.full(uid.size, LONG_AGO), np.full(uid.size, NEVER))


def _keep_edges(net: Network, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """The edges there are, whole or a share of them, and what each projection is."""
    everything = net.n_synapses
    made = {one.name: one.step for one in net.history.wirings}
    parts: dict[str, list[np.ndarray]] = {"pre": [], "post": [], "weight": [], "projection": []}
    told = []
    for k, p in enumerate(net.projections.values()):
        n = len(p)
        keep = n if everything <= MOST_EDGES else n * MOST_EDGES // everything
        edges = p.edges() if keep == n else p.sample(keep, 1)
        for name in ("pre", "post", "weight"):
            parts[name].append(getattr(edges, name))
        parts["projection"].append(np.full(len(edges), k))
        weight = edges.weight
        told.append(
            {
                "name": p.name, "source": p.source.name, "target": p.target.name, "synapses": n, "kept": len(edges),
                "unit": p.unit, "weight": [float(weight.mean()), float(weight.std())] if weight.size else None,
                "rule": "static" if p.plasticity is None else repr(p.plasticity), "made": int(made.get(p.name, net.first_step)),
            }
        )  # fmt: skip
    types = {"pre": np.int64, "post": np.int64, "weight": np.float32, "projection": np.int32}
    for name, dtype in types.items():
        arrays[f"edges/{name}"] = np.concatenate([np.zeros(0), *parts[name]]).astype(dtype)
    return told


def _keep_neurons(
    net: Network, m: Members, arrays: dict[str, np.ndarray], positions: Any, labels: Any
) -> list[dict[str, Any]]:  # fmt: skip
    """Neurons that are or were, by uid: population, birth, death, place, name, synapses."""
    there = m.died > net.first_step
    uid = m.uid[there]
    told = [
        {"name": p.name, "region": p.region, "model": repr(p.model), "neurons": len(p)}
        for p in net.populations.values()
    ]
    number = {p["name"]: k for k, p in enumerate(told)}
    for name, region in dict(zip(m.population[there], m.region[there], strict=True)).items():
        if name not in number:
            number[name] = len(told)
            told.append({"name": name, "region": region, "model": "removed", "neurons": 0})
    arrays |= {"neurons/uid": uid, "neurons/born": m.born[there], "neurons/died": m.died[there]}
    arrays["neurons/population"] = np.array([number[name] for name in m.population[there]], np.int32)
    arrays["neurons/in"], arrays["neurons/out"] = _degrees(net, uid)
    where = _positions(list(net.populations.values()), uid, positions)
    if where is not None:
        arrays["neurons/position"] = where
    names = _labels(uid, labels)
    if names is not None:
        arrays["neurons/label"] = names
    return told


def _degrees(net: Network, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Synapses that each neuron receives and sends."""
    received, sent = np.zeros(uid.size, np.int64), np.zeros(uid.size, np.int64)
    for p in net.projections.values():
        received[np.searchsorted(uid, p.target.uid)] += p.in_degree()
        sent[np.searchsorted(uid, p.source.uid)] += p.out_degree()
    return received, sent


def _positions(populations: Sequence[Any], uid: np.ndarray, given: Any) -> np.ndarray | None:
    """Places of neurons, NaN where unknown."""
    if given is None:
        if not populations or any(p.positions is None for p in populations):
            return None
        width = max(p.positions.shape[1] for p in populations)
        table = {u: tuple(at) for p in populations for u, at in zip(p.uid.tolist(), p.positions, strict=True)}
    else:
        table, width = _table("positions", given), 2
    where = np.full((uid.size, width), np.nan)
    for k, one in enumerate(uid.tolist()):
        if one in table:
            at = np.asarray(table[one], np.float64)[:width]
            where[k, : at.size] = at
    return where


def _labels(uid: np.ndarray, given: Any) -> np.ndarray | None:
    if given is None:
        return None
    table = _table("labels", given)
    return np.array([str(table.get(one, "")) for one in uid.tolist()], "U")


def _table(name: str, given: Any) -> dict[int, Any]:
    """By uid, from a mapping or from rows by uid."""
    try:
        if isinstance(given, Mapping):
            return {int(key): value for key, value in given.items()}
        return dict(enumerate(given))
    except (TypeError, ValueError):
        raise ParameterError(
            f"keep_run({name}): needs a mapping from uids, or one entry for each uid, got {given!r}"
        ) from None


def _keep_spikes(net: Network, k: int, recorder: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Spikes of one recorder; of too many a share, at random."""
    t, uid = np.asarray(recorder.t, np.float64), np.asarray(recorder.uid, np.int64)
    count = t.size
    if count > MOST_SPIKES:
        keep = np.sort(net.rng("run", "spikes", k).choice(count, MOST_SPIKES, replace=False))
        t, uid = t[keep], uid[keep]
    arrays |= {f"spikes/{k}/t": t, f"spikes/{k}/uid": uid, f"spikes/{k}/neurons": np.asarray(recorder.neurons)}
    low, high = recorder.span
    return {
        "label": recorder.label, "count": count, "kept": int(t.size), "span": [float(low), float(high)],
        "segments": [[str(name), int(first), int(n)] for name, first, n in recorder.segments],
    }  # fmt: skip


def _keep_rates(rated: list[Any], trains: list[Any], arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Rates over time, as recorded or counted from all spikes."""
    lines: list[tuple[str, float, np.ndarray, np.ndarray]] = []
    for one in rated:
        lines.append((one.label, float(one.width), one.t, one.rate))
    for one in trains if not rated else []:
        low, high = one.span
        if not high > low:
            continue
        whole = max(1, round((high - low) / one.dt))
        steps = min(whole, max(1, -(-whole // RATE_BINS), round(SPIKES_PER_BIN * whole / max(1, one.t.size))))
        n_bins = whole // steps
        width, index = steps * one.dt, one.index
        place = np.ceil((one.t - low) / width - 1e-9).astype(np.int64) - 1
        for label, first, n in one.segments:
            here = (index >= first) & (index < first + n) & (place >= 0) & (place < n_bins)
            hz = np.bincount(place[here], minlength=n_bins) * (1e3 / (width * max(1, n)))
            lines.append((label, width, low + (np.arange(n_bins) + 0.5) * width, hz))
    for k, (_, _, t, hz) in enumerate(lines):
        arrays |= {f"rates/{k}/t": np.asarray(t, np.float64), f"rates/{k}/rate": np.asarray(hz, np.float64)}
    return [{"label": label, "width": width} for label, width, _, _ in lines]


def _keep_weights(k: int, recorder: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Histograms of a recorder's samples over common bins, and their medians."""
    t = np.asarray(recorder.t, np.float64)
    which = np.unique(np.linspace(0, max(t.size - 1, 0), WEIGHT_SAMPLES).astype(np.int64))[: t.size]
    samples = [np.asarray(recorder.weight[s], np.float64) for s in which]
    extremes = [edge for one in samples if one.size for edge in (one.min(), one.max())] or [0.0, 1.0]
    low, high = min(extremes), max(extremes)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, WEIGHT_BINS + 1)
    arrays |= {
        f"weights/{k}/t": t[which], f"weights/{k}/edges": edges,
        f"weights/{k}/count": np.array([np.histogram(one, edges)[0] for one in samples], np.int64).reshape(-1, WEIGHT_BINS),
        f"weights/{k}/median": np.array([np.median(one) if one.size else np.nan for one in samples]),
    }  # fmt: skip
    unit = getattr(getattr(recorder, "projection", recorder), "unit", "")
    return {"label": recorder.label, "unit": str(unit), "samples": int(t.size)}


# ---- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A run as it was kept.

    Attributes
    ----------
    folder : Path
    manifest : dict
        What was kept of the run in words and single numbers.
    arrays : dict of str to array
        "edges/pre", "neurons/uid", "growth/born" [bins, rules, projections], "spikes/0/t" and so on.
    """

    folder: Path
    manifest: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def dt(self) -> float:
        """Step (ms)."""
        return float(self.manifest["dt"])

    @property
    def span(self) -> tuple[float, float]:
        """(start, end) of the run (ms)."""
        return self.manifest["first_step"] * self.dt, self.manifest["step"] * self.dt

    def lifetimes(self) -> Lifetimes:
        """Every synapse that there was, as ``net.history.lifetimes()`` gives them, for ``ns.plot.film``, ``ns.analysis.survival`` ...

        Delays are not kept (NaN), and weights in float32.

        Raises
        ------
        SaveError
            There were more than a folder holds.
        """
        self._check_whole()
        a, known = self.arrays, self.manifest["populations"]
        live = {name: a[f"lives/{name}"] for name in ("pre", "post", "born", "died", "rule_born", "rule_died")}
        weight = a["lives/weight"].astype(np.float64)
        population = a["neurons/population"]
        name, region = (np.array([str(one[key]) for one in known], object)[population] for key in ("name", "region"))
        members = Members(a["neurons/uid"], name, region, a["neurons/born"], a["neurons/died"])
        names, rules = (a[f"lives/{key}"].tolist() for key in ("projections", "rules"))
        table = Table(wire=a["lives/projection"], weight=weight, delay=np.full(weight.size, np.nan), **live)
        return Lifetimes(names, rules, table, members, self.dt, self.manifest["step"], self.manifest["first_step"])

    @property
    def positions(self) -> dict[int, np.ndarray] | None:
        """Places of the neurons by uid, if they were kept."""
        where = self.arrays.get("neurons/position")
        if where is None:
            return None
        return {
            int(uid): at for uid, at in zip(self.arrays["neurons/uid"], where, strict=True) if np.isfinite(at).all()
        }

    def _check_whole(self) -> None:
        if not self.manifest["history"]["whole"]:
            raise SaveError(f"{self!r}: more than {MOST_LIVES:,} synapses came and went, only counts were kept")

    def to_pandas(self) -> pandas.DataFrame:
        """One row a synapse that there was: projection, pre, post, birth and death (ms; inf for those alive), rules, weight.

        Raises
        ------
        SaveError
            There were more than a folder holds.
        """
        import pandas

        self._check_whole()
        a = {name.removeprefix("lives/"): array for name, array in self.arrays.items() if name.startswith("lives/")}
        rules = np.append(a["rules"].astype(object), "")
        columns = {
            "projection": a["projections"][a["projection"]].astype(object), "pre": a["pre"], "post": a["post"],
            "birth": np.where(a["born"] == LONG_AGO, -np.inf, a["born"] * self.dt),
            "death": np.where(a["died"] == NEVER, np.inf, a["died"] * self.dt),
            "rule_born": rules[a["rule_born"]], "rule_died": rules[a["rule_died"]], "weight": a["weight"],
        }  # fmt: skip
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        m = self.manifest
        return f"Run({m['title']!r}: {m['neurons']:,} neurons, {m['synapses']:,} synapses, {self.span[1]:g} ms, seed {m['seed']})"


def read_run(folder: str | Path) -> Run:
    """The run that `keep_run` kept in a folder.

    Parameters
    ----------
    folder : str or Path
        As given to `keep_run`, or the folder `run` in it.

    Raises
    ------
    SaveError
        No run there, damaged, or of a version that is not known here.
    """
    given = Path(folder)
    inside = given / FOLDER
    target = inside if inside.exists() or not (given / "manifest.json").exists() else given
    if not given.is_dir():
        raise SaveError(f"{str(folder)!r}: there is no such folder; give the --out folder of a run, such as runs/worm")
    if not (target / "manifest.json").exists():
        raise SaveError(
            f"{str(folder)!r} holds no run ({FOLDER}/manifest.json is missing): run the scenario again, neurosim run NAME --out {folder}, "
            f"or end your script with ns.keep_run({str(folder)!r}, net, spikes=spikes)"
        )
    manifest, arrays = checkpoint.read(target)
    if manifest.get("kind") != KIND:
        raise SaveError(f"{str(target)!r} holds a {manifest.get('kind')}, no run; a saved network is read by ns.load")
    if manifest["run_format"] != FORMAT:
        raise SaveError(
            f"{str(target)!r}: format {manifest['run_format']!r} of a run is not known here, this neurosim reads {FORMAT}; "
            "install the version that wrote it"
        )
    return Run(target, manifest, arrays)
