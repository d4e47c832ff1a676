"""What a pool of plastic synapses keeps of spikes: the recent ones of all neurons, a line and a log for each target, and decays.

Knows spikes, steps and where projections lie; no synapse, and nothing of when rows are replayed.
"""

import numpy as np
from numpy.typing import ArrayLike

from neurosim.kernels import history

NEVER = history.NEVER
P = {name: i for i, name in enumerate(history.PLACE)}
L = {name: i for i, name in enumerate(history.LEDGER)}


class Histories:
    """The clock of a `LazyPool` and its spikes.  Abstract, without a state of its own: the arrays are the pool's.

    Attributes
    ----------
    place : int64 [projections, len(PLACE)]
        Where each projection lies, by the names in P.
    ledger : int64 [len(LEDGER)]
        Counters and limits, by the names in L.
    line, line_trace, log, log_trace, logged
        History of each target of each projection, see kernels/lazy.py.
    recent, recent_bounds : int64
        Places of the recent spikes in a ring; where each step begins and ends there.
    """

    weight: np.ndarray
    place: np.ndarray
    rates: np.ndarray
    ledger: np.ndarray
    line: np.ndarray
    line_trace: np.ndarray
    log: np.ndarray
    log_trace: np.ndarray
    logged: np.ndarray
    recent: np.ndarray
    recent_bounds: np.ndarray
    words: int
    times: int
    uniform: bool

    # ---- the clock ---------------------------------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """The last step whose spikes were pushed; -1 before the first."""
        return int(self.ledger[L["CLOCK"]])

    @property
    def _present(self) -> int:
        """The clock in steps since the epoch."""
        return self.clock - int(self.ledger[L["EPOCH"]])

    # ---- targets: lines and logs -------------------------------------------------------------------------------------

    def _set_lines(self, lines: np.ndarray) -> None:
        """Take lines [targets, words], on boundaries of cache lines."""
        raw = np.zeros(lines.size + 16, np.int32)
        skip = (-raw.ctypes.data // 4) % 16
        self.line = raw[skip : skip + lines.size]
        self.line[:] = lines.reshape(-1)
        self.line_trace = self.line.view(self.weight.dtype)

    def _add_lines(self, n: int) -> None:
        self._take_lines(np.concatenate([np.arange(self.logged.size), np.full(n, -1, np.int64)]))

    def _take_lines(self, old: np.ndarray) -> None:
        """The history of line i becomes that of old[i], or an empty one for -1."""
        kept = old >= 0
        lines = np.zeros((old.size, self.words), np.int32)
        lines[:, : self.times] = NEVER
        lines[kept] = self.line.reshape(-1, self.words)[old[kept]]
        logged = np.zeros(old.size, np.int64)
        logged[kept] = self.logged[old[kept]]
        log = np.full((old.size, self.log.shape[1]), NEVER, np.int32)
        log[kept] = self.log[old[kept]]
        log_trace = np.zeros((old.size, self.log_trace.shape[1]), self.weight.dtype)
        log_trace[kept] = self.log_trace[old[kept]]
        self._set_lines(lines)
        self.logged, self.log, self.log_trace = logged, log, log_trace

    def _crowded(self) -> bool:
        return bool(history.crowded(int(self.ledger[L["AHEAD"]]), int(self.ledger[L["SAFE"]]), self.log, self.logged))

    def _double_logs(self) -> None:
        lines, size = self.log.shape
        at = np.arange(size)
        count = self.logged[:, None]
        event = count - 1 - ((count - 1 - at) & (size - 1))  # number of the spike that lies at each place
        line, held = np.nonzero(event >= 0)
        to = event[line, held] & (2 * size - 1)
        log = np.full((lines, 2 * size), NEVER, np.int32)
        log[line, to] = self.log[line, held]
        if not self.uniform:
            log_trace = np.zeros((lines, 2 * size), self.weight.dtype)
            log_trace[line, to] = self.log_trace[line, held]
            self.log_trace = log_trace
        self.log = log

    # ---- recent spikes of all neurons --------------------------------------------------------------------------------

    def move_places(self, place_map: ArrayLike) -> None:
        """Global places were renumbered (-1: gone): rewrite the recent spikes, which stay ascending within a step."""
        place_map = np.asarray(place_map, np.int64)
        moved = [(step, place_map[places]) for step, places in self._kept()]
        self._lay_recent([(step, np.sort(places[places >= 0])) for step, places in moved])

    def _oldest(self) -> int:
        """First of the recent spikes that are still to arrive somewhere."""
        step = self.clock + 1 - int(self.ledger[L["LAG"]])
        first, _, held = self.recent_bounds[step & (self.recent_bounds.shape[0] - 1)]
        return int(first) if held == step else 0

    def _kept(self) -> list[tuple[int, np.ndarray]]:
        """(step, places of its spikes) of the steps that may still be asked for, ascending."""
        held = self.recent_bounds[self.recent_bounds[:, 2] > max(-1, self.clock - int(self.ledger[L["LAG"]]))]
        mask = self.recent.size - 1
        return [(int(s), self.recent[np.arange(i, j) & mask]) for i, j, s in held[np.argsort(held[:, 2])]]

    def _lay_recent(self, kept: list[tuple[int, np.ndarray]], room: int = 0) -> None:
        """Hold these spikes, for as many steps as the longest lag needs, with room for so many more."""
        lag = max(1, int(self.place[:, [P["AXONAL"], P["BACK"]]].max(initial=0)))
        total = sum(places.size for _, places in kept)
        size = max(64, self.recent.size, 1 << int(2 * (total + room)).bit_length())
        steps = 1 << int(lag + 1).bit_length()
        self.recent, self.recent_bounds = np.zeros(size, np.int64), np.full((steps, 3), NEVER, np.int64)
        head = 0
        for step, places in kept:
            self.recent[head : head + places.size] = places
            self.recent_bounds[step & (steps - 1)] = head, head + places.size, step
            head += places.size
        self.ledger[L["HEAD"]], self.ledger[L["LAG"]] = head, lag

    # ---- decays ------------------------------------------------------------------------------------------------------

    def _fill_decays(self) -> None:
        """Tables exp(-d dt / tau), ending at 32 time constants with 0; the last entry of all is 0."""
        cuts = np.ceil(32.0 / self.rates).astype(np.int64) + 1
        size = int(cuts.max(initial=0)) + 1
        for column, name in enumerate(("decay_plus", "decay_minus")):
            table = np.zeros((self.rates.shape[0], size))
            for k in range(table.shape[0]):
                history.fill_decays(float(self.rates[k, column]), int(cuts[k, column]), table[k])
            setattr(self, name, table.astype(self.weight.dtype))


def shift_steps(steps: np.ndarray, shift: int) -> None:
    """Subtract from steps in place, stopping at NEVER."""
    steps[...] = np.maximum(steps.astype(np.int64) - shift, NEVER)
