"""Recordings on disk, read: what `net.record(..., to=path)` wrote, as recorders in memory.  Knows files, no network."""

from __future__ import annotations

import bisect
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.checks import check_number
from neurosim.errors import NeurosimError, ParameterError, SaveError
from neurosim.recording import RateRecorder, Recorder, SpikeRecorder, StateRecorder
from neurosim.streaming import COLUMNS, FORMAT, KIND, flush_open, library, whole


class _Read(Recorder):
    """What `read_recording` gives: a recorder in memory, filled from a file.

    Attributes
    ----------
    path : str
    end : float
        ms: the recording is complete up to here; what came later is not on disk, or not yet.
    finished : bool
        Whether it was closed: its recorder removed, or its process ended and not killed.
    """

    path: str
    end: float
    finished: bool

    def __repr__(self) -> str:
        how = "finished" if self.finished else "not closed: still written, or cut off"
        return f"{super().__repr__()[:-1]}; {self.path}, complete to {self.end:g} ms, {how})"


class SpikeRecording(_Read, SpikeRecorder):
    """A `SpikeRecorder` read from a file."""


class StateRecording(_Read, StateRecorder):
    """A `StateRecorder` read from a file."""


class RateRecording(_Read, RateRecorder):
    """A `RateRecorder` read from a file."""


Recording = SpikeRecording | StateRecording | RateRecording


def read_recording(path: str | os.PathLike[str], window: tuple[float, float] | None = None) -> Recording:
    """What `net.record(..., to=path)` has written so far: a recorder with the same arrays as one in memory.

    It may be read while a run goes on in another process, and after that was killed: `end` (ms) tells up to when it is
    complete.  ``zarr.open_group(path)`` reads it without neurosim; its attribute "rows" tells how many rows count.

    On several ranks each that calls reads for itself, and needs the path on its machine.  While a recorder of the job still
    writes there, all ranks must call: they wait until rank 0 has written what there is.  The recorder itself (`spikes.t`)
    gives the same arrays, read by rank 0 for all.

    Parameters
    ----------
    path : str or path
    window : (float, float), optional
        Only what is stamped from and to these times (ms); of spikes and states no more than that is read.

    Returns
    -------
    SpikeRecording, StateRecording or RateRecording
        Like `SpikeRecorder`, `StateRecorder` and `RateRecorder`, with `path`, `end` and `finished`.

    Raises
    ------
    SaveError
        No recording there, of an unknown version, or damaged.

    Examples
    --------
    ::

        spikes = net.record(exc, "spikes", to="runs/mine/spikes.zarr")
        net.run(10_000.0)
        spikes = ns.read_recording("runs/mine/spikes.zarr", window=(9_000.0, 10_000.0))
    """
    what = f"read_recording({os.fspath(path)!r})"
    zarr = library(what)
    place = str(Path(os.fsdecode(path)).absolute())
    flush_open(place)
    for again in reversed(range(10)):
        told, group = _told(zarr, what, place)
        try:
            return _filled(what, place, told, group, window)
        except NeurosimError:
            raise
        except Exception as error:  # neurons came while it was read, or it is damaged
            if not again:
                raise SaveError(f"{what}: damaged ({error}); nothing of it can be used") from None
            time.sleep(0.02)
    raise AssertionError


def _told(zarr: Any, what: str, place: str) -> tuple[dict[str, Any], Any]:
    """The attributes and the group."""
    try:
        group = zarr.open_group(place, mode="r")
        told = dict(group.attrs)
    except Exception as error:
        raise SaveError(
            f'{what}: no recording there ({error}); net.record(exc, "spikes", to="spikes.zarr") writes one'
        ) from None
    if told.get("kind") != KIND:
        raise SaveError(f"{what}: holds no recording of neurosim, its kind is {told.get('kind')!r}")
    if told["format"] != FORMAT:
        raise SaveError(
            f"{what}: format {told['format']!r} is not known here, this neurosim reads {FORMAT}; install the version that wrote it"
        )
    return told, group


def _filled(what: str, place: str, told: dict[str, Any], group: Any, window: tuple[float, float] | None) -> Recording:
    """A recorder with what the file tells."""
    rows, dt, kind = told["rows"], told["dt"], told["what"]
    limits = _window(what, window, told)
    first, stop = 0, rows
    if window is not None and limits is not None and kind != "rates":
        first = bisect.bisect_left(group["step"], limits[0], hi=rows)
        stop = bisect.bisect_right(group["step"], limits[1], lo=first, hi=rows)
    columns = {}
    for name in COLUMNS[kind]:
        if group[name].shape[0] < rows:
            raise SaveError(f"{what}: {rows:,} rows are told of and {name!r} has {group[name].shape[0]:,}: damaged")
        columns[name] = whole(group[name], slice(first, stop))
    if kind != "rates":  # a network that was put back may leave a part of a later step in the last chunk
        end = int(np.searchsorted(columns["step"], told["last"], side="right"))
        columns = {name: column[:end] for name, column in columns.items()}
    neurons = np.asarray(group[f"neurons{told['version']}"][:])
    options: dict[str, Any] = {"start": told["start"], "window": limits, "ring": None}
    made: Recording
    if kind == "spikes":
        made = SpikeRecording(told["label"], dt, **options)
        parts = np.split(neurons, np.cumsum([n for _, n in told["members"]]))
        for k, (name, _) in enumerate(told["members"]):
            columns[f"who:{k:06d}:{name}"] = parts[k]
    elif kind == "state":
        options |= {"variable": told["variable"], "unit": told["unit"], "uid": neurons, "every": told["every"]}
        made = StateRecording(told["label"], dt, **options)
        columns["uid"] = neurons
    else:
        made = RateRecording(told["label"], dt, every=told["every"], **options)
    made.set_arrays(columns | {"span": np.array([told["start"], told["last"]])})
    made.path, made.end, made.finished = place, told["last"] * dt, bool(told["finished"])
    return made


def _window(what: str, window: Any, told: dict[str, Any]) -> tuple[int, int] | None:
    """(first, last) step of what was recorded and asked for."""
    recorded = None if told["window"] is None else (int(told["window"][0]), int(told["window"][1]))
    if window is None:
        return recorded
    try:
        ends = [check_number(f"{what}: window", one, "ms") / told["dt"] for one in window]
        low, high = ends
    except (TypeError, ValueError):
        raise ParameterError(
            f"{what}: window needs (from, to) in ms, got {window!r}; for example window=(100.0, 200.0)"
        ) from None
    if high < low:
        raise ParameterError(f"{what}: window must not end before it begins, got {window!r}")
    first, last = int(np.ceil(low - 1e-6)), int(np.floor(high + 1e-6))
    return (first, last) if recorded is None else (max(first, recorded[0]), min(last, recorded[1]))
