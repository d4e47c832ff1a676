"""Facts as engrams: who does what to whom in the synapses of one index cell, questions answered in spikes or not at all.

Knows an index store and a circuit that binds and names words.  Python keeps when a fact was told, until when it held and how
often it was used, by the number of its index cell: no words.  Every word of an answer is the spike of a clean-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_number, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.memory.associative import DRIFT, Calibration, Freed
from neurosim.memory.block_codes import (
    Vocabulary,
    false_alarm_rate,
    support_threshold,
    unrelated_support_of_union,
)
from neurosim.memory.consolidation import SleepReport
from neurosim.memory.fact_answers import Answer, Fact, Told, chained, fits, joined
from neurosim.memory.fact_circuit import FactCircuit, Triple
from neurosim.memory.fact_rules import Derived, Rule, infer
from neurosim.memory.fact_sleep import SlowFacts
from neurosim.memory.failures import IncompatibleSnapshot, NotCalibrated
from neurosim.memory.indexed import IndexStore

if TYPE_CHECKING:
    from neurosim.network import Network

#: Uses after which a fact is as excitable in sleep as any, and the replays that it then gets (mean).
ENOUGH, REPLAYS = 3, 8


@dataclass
class _Entry:
    """Times and counters of one fact."""

    valid_from: float
    valid_to: float = np.inf
    uses: int = 0
    told: int = 1


@dataclass(frozen=True)
class _Found:
    """Index cells that answered a question, the strongest first."""

    ids: list[int]
    share: list[float]
    latency: list[float]
    theta: float
    rate: float


class Facts:
    """A memory of facts (subject, relation, object) that can be asked for each of the three.

    To tell a fact, three words fire in three layers; the volley that they bind to in the fact layer becomes the value of a free
    index cell, and the words its keys, in one shot.  A question fires the words that are given: index cells of which all
    key synapses speak answer, each wakes its fact, roles are taken off, and clean-ups name the words.

    Parameters
    ----------
    net : Network
    vocabulary : Vocabulary, optional
        Default: 64 blocks of 16, of the network's seed.
    n_facts : int
        Index cells.
    functional : iterable of str
        Relations that have one object at a time: a new one ends the old one's validity.  The set `functional` can be changed.
    n_slow : int
        Cells of the slow store, to which `sleep` moves what is used; 8192 hold some hundred facts, 0 for none.
    false_alarms : float
        Rate at which a question that no fact answers may find one all the same.
    name : str
        All populations are "<name>.<what>".

    Attributes
    ----------
    circuit : FactCircuit
    store : IndexStore
    slow : SlowFacts or None
    functional : set of str
    calibrations : dict of int to Calibration
        By the number of words in a question; see `calibrate`.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.facts import Facts
    >>> facts = Facts(ns.Network(dt=1.0, seed=1), n_facts=20, functional=["works at"])
    >>> facts.tell("Ada", "works at", "the mill", at=1830).status
    'new'
    >>> facts.tell("Ada", "works at", "the engine", at=1842).status
    'replaces'
    >>> facts.ask("Ada", "works at").symbol, facts.ask("Ada", "works at", at=1835).symbol
    ('the engine', 'the mill')
    >>> facts.ask("Ada", "lives in").status, facts.ask("Zoe", "works at").status
    ('no_memory', 'no_memory')
    """

    def __init__(
        self, net: Network, vocabulary: Vocabulary | None = None, *, n_facts: int = 1024, functional: Iterable[str] = (),
        n_slow: int = 0, false_alarms: float = 0.01, name: str = "facts",
    ) -> None:  # fmt: skip
        if isinstance(functional, str):
            raise ParameterError(
                f"Facts.functional: must be a list of relations, got the text {functional!r}; write functional=[{functional!r}]"
            )
        n_facts, n_slow = check_count("Facts.n_facts", n_facts, least=1), check_count("Facts.n_slow", n_slow)
        self.net, self.name = net, name
        self.vocabulary = Vocabulary(seed=net.seed) if vocabulary is None else vocabulary
        self.false_alarms = check_positive("Facts.false_alarms", check_probability("Facts.false_alarms", false_alarms))
        if f"{name}.fact" in net.populations:
            raise ParameterError(
                f"Facts.name: the network has facts of the name {name!r} already; take another one, or after a load "
                f"Facts.attach(net, arrays, name={name!r})"
            )
        self.circuit = FactCircuit(net, self.vocabulary, name)
        self.store = IndexStore(net, self.circuit.words, {"fact": self.circuit.fact}, n=n_facts, name=f"{name}.index")
        self._begin(functional)
        self.slow = SlowFacts(self.circuit, self.store, n_slow, self._useful, name) if n_slow else None

    def _begin(self, functional: Iterable[str]) -> None:
        self.functional = set(functional)
        self._entries: dict[int, _Entry] = {}
        self.calibrations: dict[int, Calibration] = {}

    # ---- telling ----------------------------------------------------------------------------------------------------

    def tell(self, subject: str, relation: str, object: str, *, at: float | None = None) -> Told:
        """Store a fact, in one shot, unless it is known.

        Parameters
        ----------
        subject, relation, object : str
            New words join the vocabulary.
        at : float, optional
            Since when it holds, in any unit; default the network's time (ms).

        Raises
        ------
        CapacityFull
            If no index cell is free; `grow` makes some, `forget` frees some.
        """
        return self.tell_many([(subject, relation, object)], at=at)[0]

    def tell_many(
        self, facts: Sequence[tuple[str, str, str]], *, at: float | Sequence[float] | None = None
    ) -> list[Told]:
        """Store facts, as if told one after another; those that do not touch each other go in one run.

        Parameters
        ----------
        facts : sequence of (subject, relation, object)
        at : float or sequence of float, optional
            Since when they hold, all alike or each.
        """
        triples = [self._checked("tell", t, 3) for t in facts]
        times = np.broadcast_to(np.asarray(self.net.now if at is None else at, np.float64), (len(triples),))
        if not np.isfinite(times).all():
            raise ParameterError(
                f"{self.name}.tell(at): must be finite, got {at!r}; leave it out for the network's time"
            )
        told: list[Told | None] = [None] * len(triples)
        for wave in self._waves(triples):
            now = self._tell([triples[i] for i in wave], [float(times[i]) for i in wave])
            for i, one in zip(wave, now, strict=True):
                told[i] = one
        return [one for one in told if one is not None]

    def _waves(self, triples: Sequence[Triple]) -> list[list[int]]:
        """Numbers of the facts in groups, in each of which no two can be the same fact or contradict each other."""
        waves: list[list[int]] = []
        times: dict[Triple, int] = {}
        for i, (s, r, o) in enumerate(triples):
            key = (s, r, None if r in self.functional else o)
            turn = times[key] = times.get(key, -1) + 1
            if turn == len(waves):
                waves.append([])
            waves[turn].append(i)
        return waves

    def _tell(self, triples: list[Triple], times: list[float]) -> list[Told]:
        """Facts that do not touch each other: look each up, in spikes, and store what is new."""
        self.circuit.learn(triples)
        asked: list[Triple] = [(s, r, None if r in self.functional else o) for s, r, o in triples]
        found = self._find(asked, at="ever")
        read = iter(self._read([k for one in found for k in one.ids]))
        known = [[next(read) for _ in one.ids] for one in found]
        told, fresh = {}, []
        for i, (triple, at, asking, rivals) in enumerate(zip(triples, times, asked, known, strict=True)):
            rivals = [f for f in rivals if fits(f.triple, asking)]
            holding = [f for f in rivals if f.valid_from <= at < f.valid_to]
            same = [f for f in holding if f.object == triple[2]]
            if same:
                self._entries[same[0].id].told += 1
                told[i] = Told(same[0].id, "strengthened")
            else:
                fresh.append((i, holding, min((f.valid_from for f in rivals if f.valid_from > at), default=np.inf)))
        if fresh:
            new: list[Triple] = [triples[i] for i, _, _ in fresh]
            ids = self.store.store(self.circuit.keys(new), {"fact": self.circuit.bind(new)})
            for (i, holding, until), k in zip(fresh, ids.tolist(), strict=True):
                for old in holding:
                    self._entries[old.id].valid_to = times[i]
                self._entries[k] = _Entry(times[i], until)
                told[i] = Told(k, "replaces" if holding else "new", holding[0].id if holding else None)
        return [told[i] for i in range(len(triples))]

    def forget(self, facts: Told | Fact | ArrayLike) -> Freed:
        """Remove all synapses of facts, given as `tell` or an answer named them or by number; their words stay known."""
        ids = [facts.id] if isinstance(facts, Told | Fact) else np.unique(np.atleast_1d(np.asarray(facts))).tolist()
        freed = self.store.forget(ids)
        for k in ids:
            del self._entries[k]
        if self.slow is None:
            return freed
        slow = self.slow.cortex.forget(ids)
        return Freed(freed.synapses + slow.synapses, freed.shared + slow.shared, freed.bytes + slow.bytes)

    def grow(self, n: int) -> None:
        """Add `n` index cells: room for as many facts."""
        self.store.grow(n)

    # ---- asking -----------------------------------------------------------------------------------------------------

    def ask(
        self, subject: str | None = None, relation: str | None = None, object: str | None = None, *,
        at: float | None = None, k: int | None = None,
    ) -> Answer:  # fmt: skip
        """Answer a question with two words given and one open, or say that there is no memory.

        What the index cells cannot answer is asked of the slow store, if there is one and no time is given.

        Parameters
        ----------
        subject, relation, object : str, optional
            Two of them.  Words that nobody has told are asked like others.
        at : float, optional
            The facts that held then; default those that hold still.
        k : int, optional
            How many facts may answer: the strength of inhibition among index cells; default all.
        """
        return self.ask_many([(subject, relation, object)], at=at, k=k)[0]

    def ask_many(
        self, questions: Sequence[Triple], *, at: float | None = None, k: int | None = None, check: bool = True, stores: str = "both"
    ) -> list[Answer]:  # fmt: skip
        """Answer many questions; see `ask`.

        Parameters
        ----------
        questions : sequence of (subject, relation, object), one of them None
        check : bool
            Whether a fact answers only if it is read to hold the words of the question; else the threshold decides alone.
        stores : {"both", "index", "slow"}
            Which are asked.
        """
        asked = [self._checked("ask", q, 2) for q in questions]
        if stores not in ("both", "index", "slow"):
            raise ParameterError(f"{self.name}.ask(stores): must be 'both', 'index' or 'slow', got {stores!r}")
        if stores == "slow":
            return self._ask_slow(asked, check)
        found = self._find(asked, at=at, k=k)
        facts = self._read([k for one in found for k in one.ids])
        answers, begin = [], 0
        for question, one in zip(asked, found, strict=True):
            mine = facts[begin : begin + len(one.ids)]
            begin += len(one.ids)
            answers.append(self._answer(question, one, mine, check))
        left = [i for i, a in enumerate(answers) if a.status == "no_memory"]
        if stores == "both" and at is None and left and self.slow is not None and self.slow.knows:
            for i, second in zip(left, self._ask_slow([asked[i] for i in left], check), strict=True):
                answers[i] = second if second.symbols else answers[i]
        return answers

    def _answer(self, question: Triple, found: _Found, facts: list[Fact], check: bool) -> Answer:
        """What facts say to a question; those that answer are used once more."""
        role = question.index(None)
        fine = [
            i for i, f in enumerate(facts) if f.triple[role] is not None and (not check or fits(f.triple, question))
        ]
        if not fine:
            return Answer(None, (), "no_memory", 0.0, found.theta, found.rate, np.inf)
        mine = tuple(facts[i] for i in fine)
        for f in mine:
            self._entries[f.id].uses += 1
        symbols = tuple(dict.fromkeys(str(f.triple[role]) for f in mine))
        first, tied = fine[0], any(f.heard.tied for f in mine)
        return Answer(
            symbols[0] if len(symbols) == 1 else None, symbols, self._status(question, symbols, tied),
            found.share[first] * facts[first].heard.support[role] / self.circuit.blocks,
            found.theta, found.rate, found.latency[first] + facts[first].heard.latency, mine, "index",
        )  # fmt: skip

    def _status(self, question: Triple, symbols: tuple[str, ...], tied: bool) -> str:
        """Several objects of a functional relation, or words that could not be told apart, are ambiguous."""
        several = len(symbols) > 1 and question[2] is None and question[1] in self.functional
        return "ambiguous" if several or tied else "ok"

    def _ask_slow(self, asked: Sequence[Triple], check: bool) -> list[Answer]:
        """What the slow store says; it knows no times."""
        if self.slow is None:
            raise NotCalibrated(
                f"{self.name}.ask(stores='slow'): there is no slow store; make one with Facts(net, n_slow=8192)"
            )
        answers = []
        for question, said in zip(asked, self.slow.ask(asked, check), strict=True):
            symbols = said.symbols
            status = self._status(question, symbols, len(symbols) > 1) if symbols else "no_memory"
            answers.append(
                Answer(
                    symbols[0] if len(symbols) == 1 else None, symbols, status, said.confidence, said.theta, said.false_alarm_rate,
                    said.latency, (), "slow" if symbols else "",
                )
            )  # fmt: skip
        return answers

    def match(
        self, subject: str | None = None, relation: str | None = None, object: str | None = None, *, at: float | None = None
    ) -> list[Fact]:  # fmt: skip
        """All facts with these words, whatever is open: every fact about Ada, every one of a relation, or this one."""
        return self.match_many([(subject, relation, object)], at=at)[0]

    def match_many(self, patterns: Sequence[Triple], *, at: float | None = None) -> list[list[Fact]]:
        """All facts with these words, for each pattern; see `match`."""
        asked = [self._checked("match", p, None) for p in patterns]
        found = self._find(asked, at=at)
        facts, out = iter(self._read([k for one in found for k in one.ids])), []
        for pattern, one in zip(asked, found, strict=True):
            out.append([f for f in [next(facts) for _ in one.ids] if fits(f.triple, pattern)])
            for f in out[-1]:
                self._entries[f.id].uses += 1
        return out

    def chain(self, start: str, relations: Sequence[str], *, at: float | None = None) -> Answer:
        """Follow relations from a subject, each answer the subject of the next question: where does Ada's employer lie?"""
        return self.chain_many([(start, relations)], at=at)[0]

    def chain_many(self, questions: Sequence[tuple[str, Sequence[str]]], *, at: float | None = None) -> list[Answer]:
        """Follow several chains, hop by hop; where a hop has several answers, all are followed."""
        for start, relations in questions:
            if isinstance(relations, str) or not len(relations):
                raise ParameterError(
                    f"{self.name}.chain(relations): needs a list of relations, got {relations!r}; for example "
                    f"facts.chain({start!r}, ['works at', 'lies in'])"
                )
        so_far: list[list[Answer]] = [[] for _ in questions]
        ends: list[tuple[str, ...]] = [(start,) for start, _ in questions]
        for hop in range(max((len(relations) for _, relations in questions), default=0)):
            going = [(i, s) for i, (_, rel) in enumerate(questions) if hop < len(rel) for s in ends[i]]
            answers = self.ask_many([(s, questions[i][1][hop], None) for i, s in going], at=at)
            for i in {i for i, _ in going}:
                mine = [a for (j, _), a in zip(going, answers, strict=True) if j == i]
                so_far[i].append(joined(mine))
                ends[i] = so_far[i][-1].symbols
        return [chained(hops) for hops in so_far]

    def infer(self, rules: Iterable[Rule], *, at: float | None = None) -> list[Derived]:
        """Tell what follows from facts that hold, until nothing new does; see `neurosim.memory.fact_rules`."""
        return infer(self, rules, at=at)

    def read(self, ids: ArrayLike) -> list[Fact]:
        """Fire the index cells of these facts, one after another, and hear what they hold."""
        return self._read(np.atleast_1d(np.asarray(ids)).tolist())

    def _read(self, ids: Sequence[int]) -> list[Fact]:
        different = list(dict.fromkeys(ids))
        heard = self.circuit.hear(self.store.index, [np.array([p]) for p in self.store.cell(different)]) if ids else []
        said = dict(zip(different, heard, strict=True))
        out = []
        for k in ids:
            entry, (s, r, o) = self._entries[k], said[k].words
            out.append(Fact(k, s, r, o, entry.valid_from, entry.valid_to, entry.uses, said[k]))
        return out

    def _find(self, asked: Sequence[Triple], *, at: float | str | None = None, k: int | None = None) -> list[_Found]:
        """Index cells that answer each question; the given words fire together, those of one shape in one run."""
        k = max(1, len(self.store)) if k is None else check_count(f"{self.name}.ask(k)", k, least=1)
        found: dict[int, _Found] = {}
        shapes = [tuple(word is not None for word in t) for t in asked]
        for shape in dict.fromkeys(shapes):
            rows = [i for i, s in enumerate(shapes) if s == shape]
            theta, rate = self.threshold(sum(shape))
            r = self.store.recall(
                self.circuit.keys([asked[i] for i in rows]), k=k, least=theta, rise=float(self._rise), mask=self._valid(at),
                read=False,
            )  # fmt: skip
            full = float(sum(shape) * self.circuit.blocks)
            for i, ids, support, late in zip(rows, r.ids, r.support, r.latency, strict=True):
                n = int((ids >= 0).sum())
                found[i] = _Found(ids[:n].tolist(), (support[:n] / full).tolist(), late[:n].tolist(), theta, rate)
        return [found[i] for i in range(len(asked))]

    def _valid(self, at: float | str | None) -> np.ndarray | None:
        """Numbers of the facts that hold at a time; None if that is all of them."""
        if at == "ever":
            return None
        if at is None:
            fine = [k for k, e in self._entries.items() if e.valid_to == np.inf]
        else:
            t = check_number(f"{self.name}.ask(at)", at)
            fine = [k for k, e in self._entries.items() if e.valid_from <= t < e.valid_to]
        return None if len(fine) == len(self._entries) else np.array(sorted(fine), np.int64)

    def _checked(self, what: str, triple: Triple, given: int | None) -> Triple:
        if len(triple) != 3 or any(w is not None and (not isinstance(w, str) or not w) for w in triple):
            raise ParameterError(
                f"{self.name}.{what}: needs subject, relation and object, texts or None, got {triple!r}; for example "
                f"facts.{what}('Ada', 'works at'{', ' + repr('the mill') if what == 'tell' else ''})"
            )
        n = sum(w is not None for w in triple)
        if n == 0 or (given is not None and n != given):
            need = {2: "two words and one open", 3: "three words", None: "at least one word"}[given]
            raise ParameterError(
                f"{self.name}.{what}: needs {need}, got {triple!r}; facts.match('Ada') lists all facts about a subject"
            )
        return triple

    # ---- threshold --------------------------------------------------------------------------------------------------

    @property
    def _rise(self) -> int:
        """Supports closer than this count as equal."""
        return max(1, self.circuit.blocks // 16)

    def threshold(self, words: int) -> tuple[float, float]:
        """Key synapses that a fact needs to answer a question of so many words, and the rate of false alarms.

        The worst that a question without an answer can meet are facts that share all but one of its words.  The last one
        coincides with theirs in Binomial(blocks, 1 / size) blocks; the threshold is the least support that the best of as
        many facts as there are reaches by chance at a rate of at most `false_alarms` (or a little more support: the race comes
        down in steps of a sixteenth of the blocks, which makes it short).  `calibrate` replaces the predicted rate
        by a measured one.
        """
        blocks, facts = self.circuit.blocks, max(1, len(self.store))
        unrelated = unrelated_support_of_union(1, blocks, self.vocabulary.size)
        least = support_threshold(unrelated, facts, self.false_alarms)
        if least > blocks:
            raise NotCalibrated(
                f"{self.name}.ask: with {facts} facts a word of {blocks} blocks of {self.vocabulary.size} coincides with another by chance more "
                f"often than false_alarms = {self.false_alarms:g} allows; take more blocks: Vocabulary(blocks={2 * blocks})"
            )
        least = blocks - self._rise * ((blocks - least) // self._rise)
        theta, held = float((words - 1) * blocks + least), self.calibrations.get(words)
        if held is not None and held.theta == theta and abs(facts - held.fill) <= DRIFT * held.fill:
            return theta, held.false_alarm_rate
        return theta, false_alarm_rate(unrelated, facts, least)

    def calibrate(self, cues: int = 200) -> dict[int, Calibration]:
        """Measure the rate of false alarms by asking, in spikes, what no fact answers but for one word.

        Parameters
        ----------
        cues : int
            Questions of one, two and three words each, at least 200.  All words but one are those of a fact; the other is new.
        """
        cues = check_count(f"{self.name}.calibrate(cues)", cues, least=200)
        if not len(self.store):
            raise NotCalibrated(
                f"{self.name}.calibrate: there are no facts; tell some first: facts.tell('Ada', 'likes', 'Bob')"
            )
        rng = self.net.rng("facts", self.name, len(self.store))
        held = self._read(rng.choice(self.store.ids, cues).tolist())
        for words in (1, 2, 3):
            asked: list[Triple] = []
            for i, fact in enumerate(held):
                roles = rng.permutation(3)[:words].tolist()
                new = f"\x00{self.name} {words} {i}"
                asked.append(tuple(new if r == roles[0] else fact.triple[r] if r in roles else None for r in range(3)))  # type: ignore[arg-type]
            self.calibrations.pop(words, None)
            found = self._find(asked, at="ever")
            rate = float(np.mean([bool(f.ids) for f in found]))
            self.calibrations[words] = Calibration(found[0].theta, rate, cues, float(len(self.store)))
        return dict(self.calibrations)

    # ---- sleep ------------------------------------------------------------------------------------------------------

    def sleep(self, replays: int | None = None) -> SleepReport:
        """Let index cells of used facts fire by themselves; the slow store learns what they wake.

        Excitability is in proportion to the number of uses, up to `ENOUGH`; facts that hold no more are not replayed.  Then
        questions that no index cell can answer set the threshold of the slow store.

        Parameters
        ----------
        replays : int, optional
            Default `REPLAYS` for each fact that was used often enough, fewer for others.
        """
        if self.slow is None:
            raise ParameterError(f"{self.name}.sleep: there is no slow store; make one with Facts(net, n_slow=8192)")
        wanted = round(REPLAYS * float(self._useful(self.ids).sum()) / ENOUGH)
        report = self.slow.sleeper.sleep(max(1, wanted) if replays is None else replays)
        self.slow.calibrate(self.false_alarms, lambda asked: [not found.ids for found in self._find(asked, at="ever")])
        return report

    def _useful(self, ids: np.ndarray) -> np.ndarray:
        """Uses of facts that still hold, up to `ENOUGH`."""
        held = [self._entries[k] for k in ids.tolist()]
        return np.array([min(e.uses, ENOUGH) * (e.valid_to == np.inf) for e in held], np.float64)

    # ---- counting and saving ----------------------------------------------------------------------------------------

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the facts, those that hold no more included; int64."""
        return self.store.ids

    @property
    def uses(self) -> dict[int, int]:
        """How many questions each fact has answered."""
        return {k: e.uses for k, e in self._entries.items()}

    def __len__(self) -> int:
        return len(self.store)

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays: words, times, counters and calibrations."""
        ids = sorted(self._entries)
        rows = [[e.valid_from, e.valid_to, e.uses, e.told] for e in (self._entries[k] for k in ids)]
        v, table = (
            self.vocabulary,
            [[m, c.theta, c.false_alarm_rate, c.cues, c.fill] for m, c in self.calibrations.items()],
        )
        slow = {} if self.slow is None else {f"slow.{key}": value for key, value in self.slow.arrays().items()}
        return {
            "code": np.array([v.blocks, v.size, v.seed]), "vocabulary": np.array(v.names, np.str_), "id": np.array(ids, np.int64),
            "entry": np.array(rows, np.float64).reshape(-1, 4), "functional": np.array(sorted(self.functional), np.str_),
            "calibration": np.array(table, np.float64).reshape(-1, 5), "false_alarms": np.array([self.false_alarms]),
            **{f"uid.{part}": uid for part, uid in self.circuit.uids.items()},
            **{f"store.{key}": value for key, value in self.store.arrays().items()}, **slow,
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        v = self.vocabulary
        if arrays["code"].tolist() != [v.blocks, v.size, v.seed]:
            raise IncompatibleSnapshot(
                f"{self.name}: saved with {_shape(arrays['code'])}, this has {_shape(np.array([v.blocks, v.size, v.seed]))}"
            )
        self.store.set_arrays({key[6:]: value for key, value in arrays.items() if key.startswith("store.")})
        self._take(arrays)

    def _take(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.vocabulary.add(*arrays["vocabulary"].tolist())
        for clean in self.circuit.clean.values():
            clean.relabel()
            clean.calibrate()
        self.functional = set(arrays["functional"].tolist())
        self.false_alarms = float(arrays["false_alarms"][0])
        self._entries = {
            k: _Entry(float(r[0]), float(r[1]), int(r[2]), int(r[3]))
            for k, r in zip(arrays["id"].tolist(), arrays["entry"], strict=True)
        }
        self.calibrations = {
            int(r[0]): Calibration(float(r[1]), float(r[2]), int(r[3]), float(r[4])) for r in arrays["calibration"]
        }

        if self.slow is not None:
            self.slow.set_arrays({key[5:]: value for key, value in arrays.items() if key.startswith("slow.")})

    @classmethod
    def attach(cls, net: Network, arrays: Mapping[str, np.ndarray], *, name: str = "facts") -> Facts:
        """The facts of this name in a network that was loaded, with what `arrays` gave when it was saved."""
        facts = cls.__new__(cls)
        facts.net, facts.name = net, name
        blocks, size, seed = arrays["code"].tolist()
        facts.vocabulary = Vocabulary(blocks, size, seed)
        facts.vocabulary.add(*arrays["vocabulary"].tolist())
        uids = {key[4:]: value for key, value in arrays.items() if key.startswith("uid.")}
        facts.circuit = FactCircuit(net, facts.vocabulary, name, uids=uids)
        stored = {key[6:]: value for key, value in arrays.items() if key.startswith("store.")}
        facts.store = IndexStore.attach(
            net, facts.circuit.words, {"fact": facts.circuit.fact}, name=f"{name}.index", arrays=stored
        )
        facts._begin(())
        uid = arrays.get("slow.uid")
        facts.slow = None
        if uid is not None:
            facts.slow = SlowFacts(facts.circuit, facts.store, uid.size, facts._useful, name, uid=uid)
        facts._take(arrays)
        return facts

    def __repr__(self) -> str:
        return f"Facts({self.name!r}: {len(self)} of {self.store.n}, {len(self.vocabulary)} words)"


def _shape(code: np.ndarray) -> str:
    return f"codes of {code[0]} blocks of {code[1]}, seed {code[2]}"


__all__ = ["Answer", "Fact", "Facts", "Told"]
