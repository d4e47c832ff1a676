"""The history of the graph: every birth and death of a synapse or neuron, as data.

The schema is fixed: one row an event, columns `step, kind, rule, projection, pre, post, weight, delay`.  The wiring that
`connect` makes is not in it; what comes after is.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

SYNAPSE_BORN, SYNAPSE_DIED, NEURON_BORN, NEURON_DIED = 1, -1, 2, -2
COLUMNS = {
    "step": np.int64, "kind": np.int8, "rule": np.int32, "projection": np.int32, "pre": np.int64, "post": np.int64,
    "weight": np.float64, "delay": np.float64,
}  # fmt: skip


class History:
    """Births and deaths in the order in which they happened.

    Attributes
    ----------
    step : int64 [events]
        Step of the network; time is `t`, in ms.
    kind : int8 [events]
        1 a synapse was born, -1 it died, 2 a neuron was born, -2 it died.
    rule, projection : int32 [events]
        Places in `rules` and `projections`; projection is -1 for neurons.
    pre, post : int64 [events]
        Uids; post is -1 for neurons.
    weight, delay : float64 [events]
        At birth or at death; delay in ms.
    """

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.rules: list[str] = []
        self.projections: list[str] = []
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        self.born = 0
        self.died = 0
        self._by_projection: dict[int, list[int]] = {}

    def add(
        self, step: int, kind: int, rule: str, projection: str, pre: np.ndarray, post: np.ndarray,
        weight: np.ndarray | float = 0.0, delay: np.ndarray | float = 0.0,
    ) -> None:  # fmt: skip
        """Append events of one kind and cause at one step."""
        n = pre.size
        if n == 0:
            return
        r, p = _number(self.rules, rule), _number(self.projections, projection) if projection else -1
        values = {
            "step": step,
            "kind": kind,
            "rule": r,
            "projection": p,
            "pre": pre,
            "post": post,
            "weight": weight,
            "delay": delay,
        }
        for name, dtype in COLUMNS.items():
            self._parts[name].append(np.broadcast_to(np.asarray(values[name], dtype), (n,)).copy())
        count = self._by_projection.setdefault(p, [0, 0])
        if kind == SYNAPSE_BORN:
            self.born += n
            count[0] += n
        elif kind == SYNAPSE_DIED:
            self.died += n
            count[1] += n

    def counts(self, projection: str) -> tuple[int, int]:
        """(born, died) so far in a projection."""
        if projection not in self.projections:
            return 0, 0
        born, died = self._by_projection.get(self.projections.index(projection), [0, 0])
        return born, died

    def __len__(self) -> int:
        return int(sum(part.size for part in self._parts["step"]))

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in COLUMNS:
            raise AttributeError(f"History has no attribute {name!r}; columns: {', '.join(COLUMNS)}, t")
        parts = self._parts[name]
        if len(parts) != 1:
            joined = np.concatenate([np.zeros(0, COLUMNS[name]), *parts]).astype(COLUMNS[name])
            self._parts[name] = parts = [joined]
        return parts[0]

    @property
    def t(self) -> np.ndarray:
        """Time of each event (ms)."""
        return self.step * self.dt

    def to_pandas(self) -> "pandas.DataFrame":
        """One row an event, with the names of rules and projections."""
        import pandas

        frame = pandas.DataFrame({"t": self.t} | {name: getattr(self, name) for name in COLUMNS})
        frame["rule"] = np.array([*self.rules, ""], object)[frame["rule"]]
        frame["projection"] = np.array([*self.projections, ""], object)[frame["projection"]]
        return frame

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {name: getattr(self, name) for name in COLUMNS}

    def set_arrays(self, arrays: dict[str, np.ndarray], rules: list[str], projections: list[str]) -> None:
        """Take what `arrays` gave."""
        self.rules, self.projections = list(rules), list(projections)
        self._parts = {name: [np.array(arrays[name], dtype)] for name, dtype in COLUMNS.items()}
        self.born, self.died = int((self.kind == SYNAPSE_BORN).sum()), int((self.kind == SYNAPSE_DIED).sum())
        self._by_projection = {
            int(p): [int(((self.projection == p) & (self.kind == k)).sum()) for k in (SYNAPSE_BORN, SYNAPSE_DIED)]
            for p in np.unique(self.projection)
        }

    def __repr__(self) -> str:
        return f"History({len(self)} events: {self.born} synapses born, {self.died} died)"


def _number(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)
