"""Lifetimes of synapses: who was born when and died when, and the graph at any time that follows from it.

Knows arrays of births, deaths and survivors only: no Network, no History.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neurosim.errors import ParameterError

if TYPE_CHECKING:
    import networkx
    import pandas

LONG_AGO, NEVER = np.int64(-(1 << 62)), np.int64(1 << 62)  # steps


class Rows(NamedTuple):
    """Births, deaths or survivors: wire is the number of the projection, rule that of the cause."""

    wire: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    step: np.ndarray
    rule: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class Table(NamedTuple):
    """One row a synapse; rules are -1 where there is none."""

    wire: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    born: np.ndarray
    died: np.ndarray
    rule_born: np.ndarray
    rule_died: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class Members(NamedTuple):
    """Neurons: uid ascending, names of population and region, steps of birth and death."""

    uid: np.ndarray
    population: np.ndarray
    region: np.ndarray
    born: np.ndarray
    died: np.ndarray


@dataclass(frozen=True, eq=False)
class PastGraph:
    """The synapses that existed at one time; made by `History.graph_at` and `Lifetimes.at`.

    Attributes
    ----------
    t : float
        ms.
    pre, post : int64 [synapses]
        Uids, ordered by projection, pre, post.
    projection : str [synapses]
        Name of the projection of each.
    weight : float64 [synapses]
        As it is now, or as it was at death: the history does not hold what learning did in between.
    delay : float64 [synapses]
        ms.
    neurons : int64 [neurons]
        Uids of the neurons alive at that time.
    population, region : str [neurons]
        Of each of them; a region is "" where the population has none.
    """

    t: float
    pre: np.ndarray
    post: np.ndarray
    projection: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    neurons: np.ndarray
    population: np.ndarray
    region: np.ndarray

    def __len__(self) -> int:
        return int(self.pre.size)

    def to_networkx(self) -> "networkx.MultiDiGraph[int]":
        """Nodes with `population` and `region`, edges with `projection`, `weight` and `delay`."""
        import networkx

        graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph(t=self.t)
        labels = zip(self.neurons.tolist(), self.population, self.region, strict=True)
        graph.add_nodes_from((uid, {"population": p, "region": r}) for uid, p, r in labels)
        columns = (getattr(self, name).tolist() for name in ("pre", "post", "projection", "weight", "delay"))
        graph.add_edges_from(
            (pre, post, {"projection": name, "weight": weight, "delay": delay})
            for pre, post, name, weight, delay in zip(*columns, strict=True)
        )
        return graph

    def to_pandas(self) -> "pandas.DataFrame":
        """One row a synapse, with the populations and regions of its ends."""
        import pandas

        frame = pandas.DataFrame(
            {name: getattr(self, name) for name in ("projection", "pre", "post", "weight", "delay")}
        )
        for end in ("pre", "post"):
            for name in ("population", "region"):
                frame[f"{end}_{name}"] = getattr(self, name)[np.searchsorted(self.neurons, getattr(self, end))]
        return frame

    def __repr__(self) -> str:
        return f"PastGraph({len(self):,} synapses of {self.neurons.size:,} neurons at {self.t:g} ms)"


@dataclass(frozen=True, eq=False, repr=False)
class Lifetimes:
    """Every synapse that there was, one row each; made by `History.lifetimes`.

    Rows are ordered by projection, pre, post and birth.  Of parallel synapses the oldest is taken to die first.

    Attributes
    ----------
    names, rules : list of str
        Names of the projections and of the causes.
    table : Table
        Columns by number and step.
    members : Members
        The neurons.
    dt : float
        ms per step.
    until : int
        Step up to which all is known.
    began : int
        Step to which the last reset put the clock back; far in the past if there was none.
    """

    names: list[str]
    rules: list[str]
    table: Table
    members: Members
    dt: float
    until: int
    began: int = int(LONG_AGO)

    def __len__(self) -> int:
        return int(self.table.pre.size)

    @property
    def pre(self) -> np.ndarray:
        """Uids, int64 [synapses]."""
        return self.table.pre

    @property
    def post(self) -> np.ndarray:
        """Uids, int64 [synapses]."""
        return self.table.post

    @property
    def projection(self) -> np.ndarray:
        """Names [synapses]."""
        return names_at(self.names, self.table.wire)

    @property
    def birth(self) -> np.ndarray:
        """ms, float64 [synapses]; for the wiring of `connect`, when it was made (-inf if that is not known)."""
        return np.where(self.table.born == LONG_AGO, -np.inf, self.table.born * self.dt)

    @property
    def death(self) -> np.ndarray:
        """ms, float64 [synapses]; inf for those alive."""
        return np.where(self.alive, np.inf, self.table.died * self.dt)

    @property
    def alive(self) -> np.ndarray:
        """Whether a synapse is alive now, so that its lifetime is censored; bool [synapses]."""
        return self.table.died == NEVER

    @property
    def initial(self) -> np.ndarray:
        """Whether `connect` made it; bool [synapses]."""
        return self.table.rule_born < 0

    @property
    def duration(self) -> np.ndarray:
        """Time lived so far (ms), float64 [synapses]; inf if the birth is not known."""
        return np.minimum(self.death, self.until * self.dt) - self.birth

    def at(self, t: float) -> PastGraph:
        """The synapses that existed at time `t` (ms), after everything that happened at that time."""
        step = int(np.floor(float(t) / self.dt + 1e-6))
        if step > self.until:
            raise ParameterError(
                f"graph_at({t!r}): lies in the future; the history ends at {self.until * self.dt:g} ms"
            )
        c, m = self.table, self.members
        there = np.flatnonzero((c.born <= step) & (step < c.died))
        who = np.flatnonzero((m.born <= step) & (step < m.died))
        names = names_at(self.names, c.wire[there])
        ends = c.pre[there], c.post[there]
        return PastGraph(
            step * self.dt, *ends, names, c.weight[there], c.delay[there], m.uid[who], m.population[who], m.region[who]
        )

    def to_pandas(self) -> "pandas.DataFrame":
        """One row a synapse: projection, pre, post, birth, death, duration, alive, initial, causes, weight, delay."""
        import pandas

        columns = ("projection", "pre", "post", "birth", "death", "duration", "alive", "initial")
        frame = pandas.DataFrame({name: getattr(self, name) for name in columns})
        frame["rule_born"], frame["rule_died"] = (names_at(self.rules, one) for one in self.table[5:7])
        frame["weight"], frame["delay"] = self.table.weight, self.table.delay
        return frame

    def to_networkx(self) -> "networkx.MultiDiGraph[int]":
        """One edge a synapse that ever was, with its times: an interval graph.

        Edges have `projection`, `born`, `died` (ms; -inf and inf where there is none), `weight`, `delay`, `rule_born` and
        `rule_died`; nodes have `population`, `region`, `born` and `died`.  The graph at one time:

        ::

            g = net.history.to_networkx()
            there = [(i, j, k) for i, j, k, e in g.edges(keys=True, data=True) if e["born"] <= t < e["died"]]
            networkx.edge_subgraph(g, there)
        """
        import networkx

        m = self.members
        graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph(until=self.until * self.dt)
        born, died = np.where(m.born == LONG_AGO, -np.inf, m.born * self.dt), np.where(m.died == NEVER, np.inf, m.died * self.dt)  # fmt: skip
        for uid, p, r, b, d in zip(m.uid.tolist(), m.population, m.region, born.tolist(), died.tolist(), strict=True):
            graph.add_node(uid, population=p, region=r, born=b, died=d)
        names = ("projection", "born", "died", "weight", "delay", "rule_born", "rule_died")
        causes = [names_at(self.rules, one).tolist() for one in (self.table.rule_born, self.table.rule_died)]
        numbers = [one.tolist() for one in (self.birth, self.death, self.table.weight, self.table.delay)]
        rows = zip(self.projection.tolist(), *numbers, *causes, strict=True)
        ends = zip(self.pre.tolist(), self.post.tolist(), strict=True)
        graph.add_edges_from((i, j, dict(zip(names, row, strict=True))) for (i, j), row in zip(ends, rows, strict=True))
        return graph

    def __repr__(self) -> str:
        return f"Lifetimes({len(self):,} synapses, {int(self.alive.sum()):,} alive at {self.until * self.dt:g} ms)"


def names_at(names: list[str], number: np.ndarray) -> np.ndarray:
    """Names by number, an array of str; "" for -1."""
    return np.array([*names, ""], object)[number]


def matched(born: Rows, died: Rows, alive: Rows | None, begun: np.ndarray) -> Table:
    """Who died of those who were born, the first-born first.

    Births and deaths come in the order in which they happened.  What existed before its first event is what is alive, less
    the births, plus the deaths; with `alive` None (nobody knows), as few as the deaths need.

    Parameters
    ----------
    begun : int64 [projections]
        Step at which a projection was made.
    """
    here = born.pre[:0]
    groups = [born, died] if alive is None else [born, died, alive]
    columns = [
        np.concatenate([np.asarray(getattr(one, n), np.int64) for one in groups]) for n in ("wire", "pre", "post")
    ]
    key, unique = _coded(*columns)
    n = unique.size
    bounds = np.cumsum([one.pre.size for one in groups])[:-1]
    parts = np.split(key, bounds)
    births, deaths = (np.bincount(one, minlength=n) for one in parts[:2])
    if alive is None:
        before = _least_before(parts[0], born, parts[1], died, n)
    else:
        before = np.maximum(np.bincount(parts[2], minlength=n) - births + deaths, 0)
    # Everyone who ever lived, grouped by key, those who were there before first.
    owner = np.concatenate([np.repeat(np.arange(n), before), parts[0]])
    source = np.concatenate([np.full(int(before.sum()), -1), np.arange(parts[0].size)])
    order = np.argsort(owner, kind="stable")
    owner, source = owner[order], source[order]
    rank = np.arange(owner.size) - (np.cumsum(before + births) - before - births)[owner]
    wire, pre, post = (column[unique][owner] for column in columns)
    given = source >= 0
    steps = np.where(given, _at(born.step, source), begun[wire] if begun.size else LONG_AGO)
    rule_born = np.where(given, _at(born.rule, source), -1)
    weight = np.where(given, _at(born.weight, source), np.nan)
    delay = np.where(given, _at(born.delay, source), np.nan)
    gone, last, cause = np.full(owner.size, NEVER), np.full(owner.size, -1), np.full(owner.size, -1)
    ends = rank < deaths[owner]
    last[ends] = np.argsort(parts[1], kind="stable")[(np.cumsum(deaths) - deaths)[owner[ends]] + rank[ends]]
    gone[ends], cause[ends] = died.step[last[ends]], died.rule[last[ends]]
    weight[ends], delay[ends] = died.weight[last[ends]], died.delay[last[ends]]
    if alive is not None:
        count = np.bincount(parts[2], minlength=n)
        nth = rank - deaths[owner]
        stays = np.flatnonzero((nth >= 0) & (nth < count[owner]))
        here = np.argsort(parts[2], kind="stable")[(np.cumsum(count) - count)[owner[stays]] + nth[stays]]
        weight[stays], delay[stays] = alive.weight[here], alive.delay[here]
    return Table(wire, pre, post, steps, gone, rule_born, cause, weight, delay)


def _coded(wire: np.ndarray, pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A number for each different (wire, pre, post), ascending with them, and a place where each first occurs."""
    if not pre.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    span = int(max(pre.max(), post.max())) + 1
    if span * span * (int(wire.max()) + 1) < 1 << 62:
        code: Any = (wire * span + pre) * span + post
    else:
        code = np.unique(wire * span + pre, return_inverse=True)[1] * span + post
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    return number, first


def _least_before(birth: np.ndarray, born: Rows, death: np.ndarray, died: Rows, n: int) -> np.ndarray:
    """How many of each key there must have been so that no one dies unborn."""
    key, step = np.concatenate([birth, death]), np.concatenate([born.step, died.step])
    change = np.repeat([1, -1], [birth.size, death.size])
    order = np.lexsort((-change, step, key))  # in one step, births first: the least number
    key, change = key[order], change[order]
    least = np.zeros(n, np.int64)
    if key.size:
        total = np.cumsum(change)
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        total = total - np.repeat(total[starts] - change[starts], np.diff(np.append(starts, key.size)))
        least[key[starts]] = np.maximum(-np.minimum.reduceat(total, starts), 0)
    return least


def _at(column: np.ndarray, place: np.ndarray) -> np.ndarray:
    """column[place], whatever where place is -1."""
    return column[place] if column.size else np.zeros(place.size, column.dtype)
