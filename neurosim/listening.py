"""Recording: what `Network.record` checks, and the recorders that look at projections between steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import ranks, streaming, values
from neurosim.checks import check_count, did_you_mean
from neurosim.engine.layout import Watch
from neurosim.errors import ParameterError
from neurosim.population import Neurons, Region, View, parts_of
from neurosim.projection import Projection
from neurosim.recording import EdgeRecorder, RateRecorder, SpikeRecorder, StateRecorder, WeightRecorder

if TYPE_CHECKING:
    from neurosim.network import Network

#: Rows of a chunk by default: spikes, bins of rates, and bytes of states.
SPIKES, BINS, BYTES = 65_536, 4_096, 1 << 20


def record(
    net: Network,
    target: Any,
    what: str,
    *,
    every: float | None,
    window: tuple[float, float] | None,
    ring: float | None,
    keep_edges: bool,
    to: Any = None,
    chunk: int | None = None,
) -> Any:
    """Record from now on; see `Network.record`."""
    ranks.agree("net.record(window, ring, to, chunk)", window, ring, to is None, chunk)
    if not isinstance(what, str):
        raise ParameterError(f"record(what): needs a text such as 'spikes', 'v' or 'weights', got {what!r}")
    options: dict[str, Any] = {
        "start": net.step,
        "window": _window(net, window),
        "ring": None if ring is None else values.duration(net, "record(ring)", ring, least=1),
    }
    steps = None if every is None else values.duration(net, "record(every)", every, least=1)
    if to is None and chunk is not None:
        raise ParameterError(f'record(chunk={chunk!r}): only for a recording on disk; add to="runs/mine/spikes.zarr"')
    if isinstance(target, Projection) or what in ("weights", "edges"):
        if to is not None:
            raise ParameterError(
                f"record(..., {what!r}, to={to!r}): spikes, rates and states go to disk, not weights and edges; leave `to` out. "
                'Births and deaths of synapses do by net.history.stream("runs/mine/history")'
            )
        return _record_projection(net, target, what, steps or _nearest(net, 100.0), options, keep_edges)
    parts = parts_of(target, net, "record(target)")
    label = target.label if hasattr(target, "label") else "+".join(p.label for p in parts)
    if what in ("spikes", "rates"):
        kinds: Any = (SpikeRecorder, RateRecorder)
        if to is not None:
            options |= _on_disk(f"{label}, {what!r}", what, to, ring, chunk, 1)
            kinds = (streaming.SpikeStream, streaming.RateStream)
        if what == "spikes":
            recorder: Any = kinds[0](label, net.dt, **options)
        else:
            recorder = kinds[1](label, net.dt, every=steps or _nearest(net, 10.0), **options)
        recorder.targets = target if isinstance(target, Region) else parts
        recorder.follow(who(recorder.targets))
        if to is not None:
            recorder.file.create(())
        net.recorders.append(recorder)
        return recorder
    if len(parts) != 1:
        raise ParameterError(
            f"record(..., {what!r}): a state is recorded from one population or view, got {len(parts)}"
        )
    if to is not None:
        options |= _on_disk(f"{parts[0].label}, {what!r}", what, to, ring, chunk, len(parts[0]))
    return _record_state(net, parts[0], what, steps or 1, options)


def _on_disk(label: str, what: str, to: Any, ring: float | None, chunk: int | None, width: int) -> dict[str, Any]:
    """Options of a recorder with a file."""
    return {"to": _path(label, to, ring), "chunk": _chunk_rows(label, what, chunk, width)}


def _path(label: str, to: object, ring: object) -> str:
    """The path of a recording, absolute; that of rank 0."""
    if not isinstance(to, str | os.PathLike) or not os.fspath(to):
        raise ParameterError(f'record({label}, to): needs a path such as to="runs/mine/spikes.zarr", got {to!r}')
    if ring is not None:
        raise ParameterError(
            f"record({label}, to={os.fspath(to)!r}): a file keeps everything and ring={ring!r} only the last; leave one of them out"
        )
    return str(ranks.same(str(Path(os.fsdecode(to)).absolute())))


def _chunk_rows(label: str, what: str, chunk: object, width: int) -> int:
    """Rows of a chunk: as given, or by what is recorded; `width` is the number of values in a row."""
    if chunk is not None:
        return check_count(f"record({label}, chunk)", chunk, least=1)
    return {"spikes": SPIKES, "rates": BINS}.get(what, max(1, BYTES // (8 * max(1, width))))


def _window(net: Network, window: tuple[float, float] | None) -> tuple[int, int] | None:
    """(first, last) step of a window given in ms."""
    if window is None:
        return None
    try:
        low, high = window
    except (TypeError, ValueError):
        raise ParameterError(
            f"record(window): needs (from, to) in ms, got {window!r}; for example window=(100.0, 200.0)"
        ) from None
    first, last = (values.duration(net, "record(window)", one) for one in (low, high))
    if last < first:
        raise ParameterError(f"record(window): must not end before it begins, got {window!r}")
    return first, last


def _nearest(net: Network, time: float) -> int:
    """The steps nearest to a default time (ms), at least one."""
    return max(1, round(time / net.dt))


def _record_state(net: Network, part: Neurons, what: str, steps: int, options: dict[str, Any]) -> StateRecorder:
    variables = part.population._variables
    if what not in variables:
        known = ["spikes", "rates", *variables]
        raise ParameterError(
            f"record({part.label}, {what!r}): {type(part.population.model).__name__} has no such variable; known: {', '.join(known)}.{did_you_mean(what, known)}"
        )
    kind: Any = streaming.StateStream if "to" in options else StateRecorder
    recorder: Any = kind(part.label, net.dt, variable=what, unit=variables[what], uid=part.uid, every=steps, **options)
    recorder.population = part
    if "to" in options:
        recorder.file.create((part.uid.size,))
    net.engine.watches.append(Watch(part.population.number, what, part.index, steps, recorder.take))
    net.recorders.append(recorder)
    net.engine.refresh()
    return recorder


def _record_projection(
    net: Network, target: Any, what: str, steps: int, options: dict[str, Any], keep_edges: bool
) -> Any:
    if not isinstance(target, Projection):
        raise ParameterError(f"record(..., {what!r}): needs a projection as net.connect gives it, got {target!r}")
    if what not in ("weights", "edges"):
        raise ParameterError(f"record({target.name}, {what!r}): of a projection 'weights' and 'edges' can be recorded")
    target._check_alive()
    if target.network is not net:
        raise ParameterError(f"record({target.name}): belongs to another network")
    recorder: Any = (WeightSnapshots if what == "weights" else EdgeSnapshots)(
        target.name, net.dt, every=steps * net.dt, **options
    )
    recorder.bind(target, keep_edges)
    net.recorders.append(recorder)
    return recorder


def who(targets: Any) -> list[tuple[str, np.ndarray]]:
    parts = targets.populations if isinstance(targets, Region) else [t for t in targets if t.population.alive]
    who: dict[str, np.ndarray] = {}
    for part in parts:
        uid = part.where if isinstance(part, View) else part.uid
        who[part.population.name] = np.union1d(who.get(part.population.name, uid), uid)
    return list(who.items())


class _Snapshot:
    """The process side of recorders that sample a projection between steps."""

    projection: Projection
    keep_edges: bool
    every: float

    def bind(self, projection: Projection, keep_edges: bool) -> None:
        self.projection, self.keep_edges = projection, keep_edges


class WeightSnapshots(_Snapshot, WeightRecorder):
    """A `WeightRecorder` of one projection."""

    def advance(self, net: Network) -> None:
        edges = self.projection.edges()
        self.take(net.step, weight=edges.weight, pre=edges.pre, post=edges.post)


class EdgeSnapshots(_Snapshot, EdgeRecorder):
    """An `EdgeRecorder` of one projection."""

    def advance(self, net: Network) -> None:
        born, died = net.history.counts(self.projection.name)
        kept = {}
        if self.keep_edges:
            edges = self.projection.edges()
            kept = {"pre": edges.pre, "post": edges.post}
        self.take(net.step, count=len(self.projection), born=born, died=died, **kept)
