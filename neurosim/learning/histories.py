"""A state variable of a population at every step of the interval that is running: what stepwise rules look back on.

A history is itself the watch that the engine fills; it knows nothing of weights or rules.
"""

from typing import Any

import numpy as np


class StepHistory:
    """One variable of all neurons of one population, a row for each step since the interval began.

    Attributes
    ----------
    uid : int64 [neurons]
        Whose columns they are: those who lived when the interval began.
    values : float64 [steps, neurons]
    filled : int
        Rows that have been written, from the interval's beginning on.
    """

    every = 1  # step

    def __init__(self, owner: Any, variable: str) -> None:
        self.owner, self.variable = owner, variable
        self.population = int(owner.number)
        self.uid = self.index = np.zeros(0, np.int64)
        self.values = np.zeros((0, 0))
        self.first = self.filled = 0
        self.alive = True

    def begin(self, engine: Any, first: int, steps: int, uid: np.ndarray | None = None) -> None:
        """A new interval of `steps` begins at step `first`: watch all who live now (or `uid`, of whom some may be gone)."""
        now = self.owner.uid
        self.uid = now if uid is None else uid
        place = np.minimum(np.searchsorted(now, self.uid), max(now.size - 1, 0))
        self.index = np.where(now[place] == self.uid, place, -1) if now.size else np.full(self.uid.size, -1)
        if self.values.shape != (steps, self.uid.size):
            self.values = np.zeros((steps, self.uid.size))
        self.first, self.filled = first, 0
        self.alive = True
        if not any(watch is self for watch in engine.watches):
            engine.watches.append(self)

    def take(self, stamp: np.ndarray, values: np.ndarray) -> None:
        """Rows from the engine: stamps (ends of steps) and values, NaN for neurons that are gone."""
        row = stamp - 1 - self.first
        self.values[row] = values
        self.filled = int(row[-1]) + 1

    def stop(self, engine: Any) -> None:
        """Watch no longer."""
        engine.watches = [watch for watch in engine.watches if watch is not self]
