"""A network on disk with what Python keeps beside it about its memories: labels, times, counters, thresholds.

Knows saves of networks, a table of JSON values and arrays by name; not what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from neurosim import checkpoint, snapshot
from neurosim.errors import SaveError
from neurosim.memory.failures import IncompatibleSnapshot
from neurosim.network import Network

#: Of what is kept beside the network.
FORMAT = 1
PREFIX = "memory/"


def write(path: str, net: Network, name: str, state: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a network, and what is kept beside it, to the folder `path`; `ns.load` reads the network alone."""
    for where, value in _leaves(state, name):
        if not isinstance(value, str | int | float | bool | type(None)):
            raise SaveError(
                f"{where}: labels and tags must be text or numbers to be saved, got {value!r}; label=str(...) is"
            )
    manifest, own, _ = snapshot.export(net, lasting=True)
    manifest["memory"] = {"format": FORMAT, "state": json.loads(json.dumps(state))}
    checkpoint.write(path, manifest, own | {PREFIX + key: a for key, a in arrays.items()})


def read(
    path: str, functions: Mapping[str, Callable[..., Any]] | None = None, models: Mapping[str, type] | None = None
) -> tuple[Network, dict[str, Any], dict[str, np.ndarray]]:
    """Network, state and arrays as they were written; errors as `System.load` lists them."""
    manifest, arrays = checkpoint.read(path)
    kept = manifest.pop("memory", None)
    if kept is None:
        raise IncompatibleSnapshot(
            f"memory.load({path!r}): there is a network, but no memory system; ns.load({path!r})"
        )
    if kept["format"] != FORMAT:
        raise IncompatibleSnapshot(
            f"memory.load({path!r}): format {kept['format']!r} is not known here, this neurosim reads {FORMAT}; install the version that wrote it "
            f"({manifest['versions']['neurosim']})"
        )
    net = Network(dt=manifest["dt"], seed=manifest["seed"], default_delay=manifest["default_delay"])
    rest = {key: a for key, a in arrays.items() if not key.startswith(PREFIX)}
    snapshot.take(net, manifest, rest, {"functions": dict(functions or {})}, models or {})
    return net, kept["state"], part(arrays, "memory")


def part(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The arrays of one part, without its name."""
    return {key.removeprefix(f"{name}/"): a for key, a in arrays.items() if key.startswith(f"{name}/")}


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Everything in a nest of tables and lists that is neither, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{where}.{key}", key
            yield from _leaves(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for k, inner in enumerate(value):
            yield from _leaves(inner, f"{where}[{k}]")
    else:
        yield where, value
