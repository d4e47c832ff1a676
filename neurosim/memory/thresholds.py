"""Thresholds of an index store: what random cues reach, and for how long a threshold holds.

Knows stores by what they offer (key layers, recall, the number of memories); nothing of index cells and synapses.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.memory.associative import DRIFT, Calibration
from neurosim.memory.failures import NotCalibrated

if TYPE_CHECKING:
    from neurosim.memory.indexed import IndexStore

Among = Mapping[str, ArrayLike] | None


def find(store: IndexStore, fa: float, size: int | Mapping[str, int] | None, cues: int, among: Among) -> Calibration:
    """As `IndexStore.calibrate`: what is found is kept with the store."""
    fa = check_positive(f"{store.name}.calibrate(fa)", check_probability(f"{store.name}.calibrate(fa)", fa))
    cues = check_count(f"{store.name}.calibrate(cues)", cues, least=200)
    by_field = {next(iter(store.keys)): size} if isinstance(size, int | np.integer) else size
    wanted = {f: layer.k for f, layer in store.keys.items()} if by_field is None else dict(by_field)
    sizes = tuple(check_count(f"{store.name}.calibrate(size)[{f!r}]", wanted.get(f, 0), least=0) for f in store.keys)
    rng = store.net.rng("calibrate", store.name, *sizes)
    pools = {f: np.asarray((among or {}).get(f, np.arange(layer.n))) for f, layer in store.keys.items()}
    noise: dict[str, Any] = {
        f: pool[np.argsort(rng.random((2 * cues, pool.size)), axis=1)[:, :s]]
        for (f, pool), s in zip(pools.items(), sizes, strict=True)
        if s
    }
    if not noise:
        raise ParameterError(f"{store.name}.calibrate(size): fields are {[*store.keys]!r}, got {size!r}")
    heard = _heard(store, noise, sizes, fa)
    levels = np.arange(sum(sizes), 0, -1)
    passing = np.array([np.mean(heard[:cues] >= level) for level in levels])
    low = levels[passing <= fa]
    if not low.size:
        raise NotCalibrated(
            f"{store.name}.calibrate: {passing[0]:.1%} of random cues of sizes {sizes} reach the highest support, more than fa = {fa:g}, with "
            f"{len(store)} memories; no threshold rejects them. Take larger cues, forget some, or allow fa={passing[0]:.2g}"
        )
    theta = float(low[-1])
    found = Calibration(theta, float(np.mean(heard[cues:] >= theta)), cues, float(len(store)))
    store.calibrations[(*sizes, digest(among))] = found
    return found


def _heard(store: IndexStore, noise: dict[str, Any], sizes: tuple[int, ...], fa: float) -> np.ndarray:
    """Support of the best memory for each random cue; the race begins no higher than it must."""
    share = sum(s * layer.k / layer.n for s, layer in zip(sizes, store.keys.values(), strict=True))
    most, top = min(np.ceil(share + 5.0 * np.sqrt(share) + 3.0), sum(sizes)), sum(sizes)
    while True:
        heard = np.nan_to_num(store.recall(noise, read=False, most=float(most)).support[:, 0], nan=0.0)
        if most >= top or np.mean(heard >= most) < fa / 2:
            return heard
        most = min(2 * most, top)


def holds(store: IndexStore, found: Calibration) -> bool:
    """Whether the number of memories is still about what it was when the threshold was found."""
    return abs(len(store) - found.fill) <= DRIFT * found.fill


def held(store: IndexStore, key: tuple[int, ...]) -> Calibration:
    """The threshold for cues of these sizes, drawn from these cells; refused if there is none, or none that holds."""
    found = store.calibrations.get(key)
    wanted = {f: s for f, s in zip(store.keys, key[:-1], strict=True) if s}
    line = f"store.calibrate(size={wanted}{', among=...' if key[-1] else ''})"
    if found is None:
        raise NotCalibrated(f"{store.name}.recall(reject=True): no threshold for cues of {wanted} cells: {line}")
    if not holds(store, found):
        raise NotCalibrated(
            f"{store.name}.recall(reject=True): there were {found.fill:g} memories when the threshold was found and are {len(store)} now: {line}"
        )
    return found


def digest(among: Among) -> int:
    """A number that tells sets of cells apart; 0 for all."""
    text = b"".join(f.encode() + np.asarray(p, np.int64).tobytes() for f, p in sorted((among or {}).items()))
    return zlib.crc32(text) if text else 0


def as_table(calibrations: Mapping[tuple[int, ...], Calibration], fields: int) -> np.ndarray:
    """Calibrations of a store of so many fields as float64 [calibrations, fields + 5]."""
    table = [[*key, c.theta, c.false_alarm_rate, c.cues, c.fill] for key, c in calibrations.items()]
    return np.array(table, np.float64).reshape(-1, fields + 5)


def from_table(table: np.ndarray) -> dict[tuple[int, ...], Calibration]:
    """What `as_table` was given."""
    return {
        tuple(int(x) for x in row[:-4]): Calibration(float(row[-4]), float(row[-3]), int(row[-2]), float(row[-1]))
        for row in table
    }
