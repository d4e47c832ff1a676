"""What a thread keeps for itself of a lazy pool while it runs, and gives back afterwards.  Knows arrays only.

All threads push the same recent spikes and keep the same clock, each in arrays of its own; the notes on what earlier spikes
carried are of its own rows, and are joined.
"""

from typing import Any

import numpy as np

from neurosim.kernels import history

ALIKE = ("ledger", "recent", "recent_bounds", "later", "scratch")
NOTES = ("note_step", "note_row", "note_first", "note_length", "amount", "note_used")
NEEDS = (history.STEPS_NEEDED, history.RECENT_NEEDED, history.NOTES_NEEDED, history.AMOUNTS_NEEDED, history.WANTED)


class Lane:
    """The arrays of one thread beside the first, which has those of the pool."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {
            name: np.zeros(2 if name == "note_used" else 64, np.int64) for name in NOTES
        }
        self.arrays["note_length"] = np.zeros(64, np.int32)
        self.arrays["amount"] = np.zeros(1024)

    def take(self, pool: Any, shard: int) -> dict[str, np.ndarray]:
        """Arrays for the thread of a shard, as the pool is now; there is room for what it asked for last."""
        notes, amounts = 0, 0
        if "ledger" in self.arrays:
            notes, amounts = (int(x) for x in self.arrays["ledger"][[history.NOTES_NEEDED, history.AMOUNTS_NEEDED]])
        for name in NOTES[:4]:
            if self.arrays[name].size < 2 * notes:
                self.arrays[name] = np.zeros(2 * notes, self.arrays[name].dtype)
        if self.arrays["amount"].size < 2 * amounts:
            self.arrays["amount"] = np.zeros(2 * amounts)
        self.arrays["note_used"][:] = 0
        for name in ALIKE:
            theirs = getattr(pool, name)
            mine = self.arrays.get(name)
            if mine is None or mine.shape != theirs.shape or mine.dtype != theirs.dtype:
                self.arrays[name] = theirs.copy()
            elif name not in ("later", "scratch"):
                mine[...] = theirs
        self.arrays["ledger"][history.SHARD] = shard
        return self.arrays

    def give_back(self, pool: Any) -> None:
        """Join notes and needs with those of the pool."""
        if "ledger" not in self.arrays:
            return
        for entry in NEEDS:
            pool.ledger[entry] = max(pool.ledger[entry], self.arrays["ledger"][entry])
        notes, amounts = (int(x) for x in self.arrays["note_used"])
        if notes == 0:
            return
        pool.reserve_notes(notes, amounts)
        n, m = (int(x) for x in pool.note_used)
        for name in NOTES[:4]:
            more = m if name == "note_first" else 0
            getattr(pool, name)[n : n + notes] = self.arrays[name][:notes] + more
        pool.amount[m : m + amounts] = self.arrays["amount"][:amounts]
        pool.note_used[:] = n + notes, m + amounts
        self.arrays["note_used"][:] = 0
