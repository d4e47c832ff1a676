"""Synapses between regions, as a small matrix with labels.  Asks a network's projections, one at a time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, did_you_mean
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    import pandas

WHAT = ("synapses", "weight", "density")
WIDEST = 10  # letters of a label in the printed table


@dataclass(frozen=True, eq=False, repr=False)
class RegionMatrix:
    """What goes from each region to each; made by `Network.region_matrix`.

    Attributes
    ----------
    labels : list of str
        Regions in sorted order; populations without a region go by their names.
    matrix : [sources, targets]
        int64 numbers of synapses, float64 sums of weights, or synapses per pair of neurons.
    what : {"synapses", "weight", "density"}
    """

    labels: list[str]
    matrix: np.ndarray
    what: str

    def __getitem__(self, pair: tuple[str, str]) -> Any:
        """One entry, by the labels of source and target."""
        for label in pair:
            if label not in self.labels:
                known = ", ".join(self.labels)
                raise ParameterError(
                    f"RegionMatrix[{label!r}]: no such region; known: {known}.{did_you_mean(label, self.labels)}"
                )
        return self.matrix[self.labels.index(pair[0]), self.labels.index(pair[1])]

    def to_pandas(self) -> "pandas.DataFrame":
        """Rows are sources, columns targets."""
        import pandas

        frame = pandas.DataFrame(self.matrix, self.labels, self.labels)
        return frame.rename_axis(index="from", columns="to")

    def __repr__(self) -> str:
        short = [name if len(name) <= WIDEST else "…" + name[1 - WIDEST :] for name in self.labels]
        cells = [[f"{x:,}" if self.what == "synapses" else f"{x:.4g}" for x in row] for row in self.matrix]
        width = max([len(cell) for row in cells for cell in row] + [len(name) for name in short], default=0)
        lines = [f"RegionMatrix: {self.what}, from (rows) to (columns)"]
        lines += [" " * WIDEST + "".join(f"  {name:>{width}}" for name in short)]
        lines += [
            f"{name:<{WIDEST}}" + "".join(f"  {cell:>{width}}" for cell in row)
            for name, row in zip(short, cells, strict=True)
        ]
        return "\n".join(lines)


def region_matrix(net: Any, what: str, level: int | None) -> RegionMatrix:
    """See `Network.region_matrix`."""
    if what not in WHAT:
        raise ParameterError(
            f"region_matrix(what): must be one of {', '.join(WHAT)}, got {what!r}.{did_you_mean(str(what), WHAT)}"
        )
    if level is not None:
        level = check_count("region_matrix(level)", level, least=1)

    def label(population: Any) -> str:
        return "/".join(population.region.split("/")[:level]) if population.region else str(population.name)

    size: dict[str, int] = {}
    for population in net.populations.values():
        size[label(population)] = size.get(label(population), 0) + len(population)
    labels = sorted(size)
    matrix = np.zeros((len(labels), len(labels)), np.float64 if what == "weight" else np.int64)
    for projection in net.projections.values():
        pair = labels.index(label(projection.source)), labels.index(label(projection.target))
        matrix[pair] += projection.edges().weight.sum() if what == "weight" else len(projection)
    if what == "density":
        n = np.array([size[name] for name in labels], np.float64)
        return RegionMatrix(labels, matrix / np.maximum(np.outer(n, n), 1.0), what)
    return RegionMatrix(labels, matrix, what)
