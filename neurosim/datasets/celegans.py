"""The wiring of the C. elegans brain at eight ages from birth to adulthood (Witvliet et al. 2021), one animal per age.

Knows files and arrays only.  Two things to keep in mind with these data: each age is another animal, so a difference
between two ages is also a difference between two animals; and most neurons of the worm signal by graded potentials,
so a spiking model of them is a model of the wiring more than of the signals (action potentials are known in a few,
AWA and AVL among them: Liu et al. 2018, Jiang et al. 2022).

About the ages.  Datasets 1 to 6 are 0, 5, 8, 16, 23 and 27 h after hatching: so say the authors' analysis code
(github.com/dwitvliet/nature2021, src/data/dataset_info.py) and their viewer NemaNode (zhenlab-ltri/NemaNode,
datasets.json).  For the two adults, datasets 7 and 8, the sources differ: the authors' code and NemaNode say 50 h
("~50 hours after birth"), later users who quote the paper's methods, and NeuroSC (Koonce et al. 2025), say 45 h.
Used here are 45 h; the text of the paper itself was not at hand, so take the adult age as 45 to 50 h.  The stages (L1
four times, L2, L3, adult twice) are those of the authors' code.

References
----------
Witvliet et al. (2021), Nature 596:257-261, doi 10.1038/s41586-021-03778-8, as tabulated in the package cect 0.3.5
(MIT licence).
Liu, Kidd, Dobosiewicz & Bargmann (2018), Cell 175:57-70.
Jiang et al. (2022), Nature Communications 13:2783.
Koonce et al. (2025), doi 10.7554/eLife.103977.
"""

import csv
import operator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError

AGES_HOURS = (0.0, 5.0, 8.0, 16.0, 23.0, 27.0, 45.0, 45.0)  # after hatching; adults 45 or 50, see the text above
STAGES = ("L1", "L1", "L1", "L1", "L2", "L3", "adult", "adult")
ADULTS = (7, 8)
KINDS = ("chemical", "gap_junction")
NEURON_CLASSES = ("sensory", "inter", "motor")
CELLS = ("neurons", "all")


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells by name: arrays of equal length, in alphabetical order, read-only.

    Attributes
    ----------
    names : ndarray of str
        Names of the cells, such as "AVAL".
    classes : ndarray of str
        "sensory", "inter", "motor", "muscle", "glia" or "other".
    gaba : ndarray of bool
        Whether the cell is GABAergic: of the classical 26 GABAergic neurons of the animal those in the brain, RMED,
        RMEL, RMER, RMEV, AVL and RIS.
    """

    names: np.ndarray
    classes: np.ndarray
    gaba: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


class Connections(NamedTuple):
    """Connections of one animal: int64 arrays of equal length, sorted by (pre, post); `neurons[pre]` has names."""

    pre: np.ndarray
    post: np.ndarray
    contacts: np.ndarray


class AgeCounts(NamedTuple):
    """What one animal has of one kind of connection.

    `connections` counts connected ordered pairs (a gap junction between two cells therefore twice), `contacts` the
    synapses on them, `cells` the cells that take part, `autapses` the cells connected to themselves.
    """

    age: int
    stage: str
    hours: float
    cells: int
    connections: int
    contacts: int
    autapses: int


@dataclass(frozen=True, eq=False)
class CelegansDevelopment:
    """Wiring of the C. elegans brain at eight ages; an *age* is the number of a dataset, 1 (newborn) to 8 (adult).

    Attributes
    ----------
    cells : Cells
        All 225 cells of the table, muscles and glia among them.
    neurons : ndarray of str
        Names of the 182 sensory, inter- and motor neurons, alphabetical: the order of `matrix` and of the indices in
        `connections`. 181 of them have a chemical synapse with another neuron in some dataset; DB1 has only a gap
        junction (dataset 5).
    neuron_classes : ndarray of str
        "sensory", "inter" or "motor" for each of `neurons`.
    neuron_gaba : ndarray of bool
        Whether each of `neurons` is GABAergic.
    ages : tuple of int
        1 to 8.
    ages_hours : tuple of float
        Hours after hatching.  The adults are 45 to 50 h old, depending on the source; see the module's text.
    stages : tuple of str
        Larval stage or "adult".

    Examples
    --------
    >>> import neurosim as ns
    >>> worm = ns.datasets.celegans_development()
    >>> worm.matrix(1).sum(), worm.matrix(8).sum()
    (np.int64(1152), np.int64(7099))

    References
    ----------
    Witvliet et al. (2021), Nature 596:257-261.
    """

    cells: Cells
    neurons: np.ndarray
    neuron_classes: np.ndarray
    neuron_gaba: np.ndarray
    _pre: np.ndarray = field(repr=False)  # index into cells.names, one per row of the table
    _post: np.ndarray = field(repr=False)
    _chemical: np.ndarray = field(repr=False)
    _contacts: np.ndarray = field(repr=False)  # int64[rows, 8]
    _neuron_index: np.ndarray = field(repr=False)  # int64[cells]: place in neurons, -1 for other cells
    ages: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    ages_hours: tuple[float, ...] = AGES_HOURS
    stages: tuple[str, ...] = STAGES

    def connections(self, age: int, kind: str = "chemical", cells: str = "neurons") -> Connections:
        """Connections of one animal.

        Parameters
        ----------
        age : int
            Dataset, 1 to 8.
        kind : {"chemical", "gap_junction"}
            A gap junction appears in both directions.
        cells : {"neurons", "all"}
            "neurons": both partners are neurons, and indices count in `neurons`; "all": indices count in `cells.names`.

        Returns
        -------
        Connections
            pre, post, contacts; one entry per connected ordered pair, autapses included.
        """
        column = self._column(age)
        chosen = _choice("connections(kind)", kind, KINDS) == "chemical"
        rows = np.flatnonzero((self._chemical == chosen) & (self._contacts[:, column] > 0))
        pre, post = self._pre[rows], self._post[rows]
        if _choice("connections(cells)", cells, CELLS) == "neurons":
            pre, post = self._neuron_index[pre], self._neuron_index[post]
            both = (pre >= 0) & (post >= 0)
            rows, pre, post = rows[both], pre[both], post[both]
        order = np.lexsort((post, pre))
        return Connections(pre[order], post[order], self._contacts[rows, column][order])

    def matrix(self, age: int, kind: str = "chemical") -> np.ndarray:
        """Contacts between neurons, a fresh int64[n, n] in the order of `neurons`: rows are presynaptic."""
        pre, post, contacts = self.connections(age, kind)
        matrix = np.zeros((len(self.neurons), len(self.neurons)), np.int64)
        matrix[pre, post] = contacts
        return matrix

    def gap_junctions(self, age: int) -> Connections:
        """Pairs of neurons coupled by gap junctions, each once (pre < post), as `Network.join` wants them.

        The table lists both directions with equal counts, and a few gap junctions of a neuron with itself (between two of
        its own neurites, such as RIBL's), where no current can flow between two voltages: those are left out.

        Examples
        --------
        >>> import neurosim as ns
        >>> [ns.datasets.celegans_development().gap_junctions(age).contacts.sum() for age in (1, 8)]
        [np.int64(102), np.int64(415)]
        """
        pre, post, contacts = self.connections(age, "gap_junction")
        once = pre < post
        return Connections(pre[once], post[once], contacts[once])

    def coupling(self, age: int) -> np.ndarray:
        """Gap junctions between two different neurons, a fresh symmetric int64[n, n] in the order of `neurons`."""
        matrix = self.matrix(age, "gap_junction")
        np.fill_diagonal(matrix, 0)
        return matrix

    def present(self, age: int, kind: str = "chemical") -> np.ndarray:
        """Which of `neurons` have a connection with a neuron in this dataset, bool[n]."""
        pre, post, _ = self.connections(age, kind)
        present = np.zeros(len(self.neurons), bool)
        present[pre] = present[post] = True
        return present

    def first_seen(self, neuron: str) -> int | None:
        """First dataset, 1 to 8, in which the neuron has a chemical synapse with a neuron; None if in none (DB1).

        Some are there before they are seen: AVL is born in the embryo and first has a synapse in dataset 2.
        """
        place = self.index(neuron)
        return next((age for age in self.ages if self.present(age)[place]), None)

    def index(self, neuron: str) -> int:
        """Place of a neuron in `neurons`."""
        found = np.flatnonzero(self.neurons == neuron)
        if not found.size:
            hint = did_you_mean(neuron, self.neurons.tolist())
            raise ParameterError(f"celegans_development.index(neuron): no neuron {neuron!r}; see .neurons.{hint}")
        return int(found[0])

    def mirror(self, name: str) -> str:
        """The bilateral partner of a cell: L and R exchanged where that cell is in the table, else the cell itself.

        Left and right only: RMED and RMEV, above and below the midline, are their own partners, as are AVL, AQR,
        PVR and RIR, whose last letter is no side, and CANR, whose partner has no synapse in the table.
        """
        known = set(self.cells.names.tolist())
        if name not in known:
            hint = did_you_mean(name, known)
            raise ParameterError(f"celegans_development.mirror(name): no cell {name!r}; see .cells.names.{hint}")
        partner = _exchange_sides(name)
        return partner if partner in known else name

    def mirror_index(self) -> np.ndarray:
        """Place in `neurons` of the bilateral partner of each neuron, int64[n]."""
        place = {name: i for i, name in enumerate(self.neurons.tolist())}
        return np.array([place[self.mirror(name)] for name in place], np.int64)

    def counts(self, kind: str = "chemical", cells: str = "neurons") -> tuple[AgeCounts, ...]:
        """One row per animal: cells, connections, contacts, autapses."""
        rows = []
        for age, hours, stage in zip(self.ages, self.ages_hours, self.stages, strict=True):
            pre, post, contacts = self.connections(age, kind, cells)
            taking_part = np.union1d(pre, post).size
            autapses = int((pre == post).sum())
            rows.append(AgeCounts(age, stage, hours, taking_part, pre.size, int(contacts.sum()), autapses))
        return tuple(rows)

    def _column(self, age: int) -> int:
        """Column of the table that holds an age."""
        try:
            number = operator.index(age)
        except TypeError:
            number = 0
        if number not in self.ages:
            table = ", ".join(
                f"{a} ({s}, {h:g} h)" for a, s, h in zip(self.ages, self.stages, self.ages_hours, strict=True)
            )
            raise ParameterError(
                f"celegans_development(age): an age is the number of a dataset, got {age!r}; known: {table}"
            )
        return number - 1


@cache
def celegans_development() -> CelegansDevelopment:
    """The wiring of the C. elegans brain at eight ages from birth to adulthood (Witvliet et al. 2021), read once.

    Returns
    -------
    CelegansDevelopment
        Frozen, with read-only arrays.

    Examples
    --------
    >>> import neurosim as ns
    >>> worm = ns.datasets.celegans_development()
    >>> pre, post, contacts = worm.connections(1)
    >>> worm.neurons[pre][0], worm.neurons[post][0]
    (np.str_('ADAL'), np.str_('AIBR'))

    References
    ----------
    Witvliet et al. (2021), Nature 596:257-261, doi 10.1038/s41586-021-03778-8.
    """
    names, classes, gaba = zip(*_read("celegans_cells.csv"), strict=True)
    cells = Cells(np.array(names), np.array(classes), np.array(gaba) == "1")
    place = {name: i for i, name in enumerate(names)}
    table = _read("celegans_development.csv")
    pre = np.array([place[row[0]] for row in table], np.int64)
    post = np.array([place[row[1]] for row in table], np.int64)
    chemical = np.array([row[2] == "chemical" for row in table])
    contacts = np.array([[int(entry or 0) for entry in row[3:]] for row in table], np.int64)
    neuron = np.flatnonzero(np.isin(cells.classes, NEURON_CLASSES))
    neuron_index = np.full(len(cells), -1, np.int64)
    neuron_index[neuron] = np.arange(neuron.size)
    arrays = (
        cells.names[neuron],
        cells.classes[neuron],
        cells.gaba[neuron],
        pre,
        post,
        chemical,
        contacts,
        neuron_index,
    )
    for array in (cells.names, cells.classes, cells.gaba, *arrays):
        array.setflags(write=False)
    return CelegansDevelopment(cells, *arrays)


def _read(file: str) -> list[list[str]]:
    """Rows of a table of this package, without its head."""
    text = resources.files("neurosim.datasets").joinpath(file).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value` if it is one of `allowed`."""
    if value not in allowed:
        choices = " or ".join(repr(a) for a in allowed)
        raise ParameterError(f"{name}: must be {choices}, got {value!r}.{did_you_mean(value, allowed)}")
    return value


def _exchange_sides(name: str) -> str:
    """The name with left and right exchanged: the last letter of a neuron (AVAL), the third of a muscle (MDL01)."""
    other = {"L": "R", "R": "L"}
    if name[-1] in other:
        return name[:-1] + other[name[-1]]
    if name[-1].isdigit() and len(name) == 5 and name[0] == "M" and name[2] in other:
        return name[:2] + other[name[2]] + name[3:]
    return name
