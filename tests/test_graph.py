"""The row pool against lists of tuples: the same edits must leave the same synapses in the same order."""

import numpy as np
import pytest

from neurosim.errors import ParameterError
from neurosim.graph import RowPool
from neurosim.kernels import batches
from neurosim.kernels import rows as edits
from neurosim.kernels.compiled import JIT
from neurosim.kernels.rng import pair_hash, stream_key

COLUMN, DELAY, WEIGHT, IDENT, EXTRA = range(5)
KEY = stream_key(7, "sampling")


class Twin:
    """Rows as lists of (column, delay, weight, ident, extra), notes as lists of amounts; nothing clever."""

    def __init__(self, dtype):
        self.rows, self.notes, self.next_ident, self.fill = [], [], 0, 0.0
        self.dtype = np.dtype(dtype).type

    def insert(self, row, column, delay, weight):
        slots = []
        for r, c, d, w in zip(row, column, delay, weight, strict=True):
            slots.append(len(self.rows[r]))
            self.rows[r].append((int(c), int(d), float(self.dtype(w)), self.next_ident, self.fill))
            self.next_ident += 1
        return slots

    def remove(self, row, slot):
        removed = [self.rows[r][s] for r, s in zip(row, slot, strict=True)]
        gone = {}
        for r, s in zip(row, slot, strict=True):
            gone.setdefault(int(r), set()).add(int(s))
        for r, slots in gone.items():
            self.rows[r] = [edge for s, edge in enumerate(self.rows[r]) if s not in slots]
        for note in self.notes:
            slots = gone.get(note["row"], ())
            note["amounts"] = [a for s, a in enumerate(note["amounts"]) if s not in slots]
        return removed

    def edges(self):
        return [(r, s) for r, row in enumerate(self.rows) for s in range(len(row))]

    def hashes(self, r, row_uid, column_uid):
        """(hash, slot) of each synapse of a row."""
        seen, found = {}, []
        for s, edge in enumerate(self.rows[r]):
            nth = seen.get(edge[COLUMN], 0)
            seen[edge[COLUMN]] = nth + 1
            uids = np.uint64(row_uid[r]), np.uint64(column_uid[edge[COLUMN]])
            found.append((int(pair_hash(KEY, *uids, np.uint64(nth))), s))
        return found

    def sent(self, r, s, step):
        for note in self.notes:
            if note["row"] == r and note["step"] == step:
                return note["amounts"][s] if s < len(note["amounts"]) else 0.0
        return self.rows[r][s][WEIGHT]


class Fuzz:
    """One random edit or question after the other, to a pool and its twin."""

    def __init__(self, seed, dtype, batch, most, columns=200, n_rows=40):
        self.rng = np.random.default_rng(seed)
        self.pool, self.twin = RowPool(20, dtype=dtype, n_rows=n_rows), Twin(dtype)
        self.twin.rows = [[] for _ in range(n_rows)]
        self.columns, self.batch, self.most, self.count, self.step = columns, batch, most, 0, 0

    def some_rows(self, n):
        """Random rows; at times only few of them."""
        few = self.rng.random() < 0.2
        return self.rng.integers(0, min(3, self.pool.n_rows) if few else self.pool.n_rows, n)

    def some_edges(self, n):
        edges = self.twin.edges()
        chosen = self.rng.permutation(len(edges))[:n]
        pairs = np.array([edges[i] for i in chosen], np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def uids(self):
        rng = np.random.default_rng(3)
        return rng.permutation(5000)[: self.pool.n_rows], rng.permutation(5000)[: self.columns]

    # ---- edits

    def insert(self):
        n = int(self.rng.integers(0, self.batch))
        new = self.some_rows(n), self.rng.integers(0, self.columns, n), self.rng.integers(0, 50, n)
        weight = self.rng.normal(size=n).round(1)  # some alike
        assert self.pool.insert(*new, weight).tolist() == self.twin.insert(*new, weight)
        self.count += n

    def remove(self):
        n = int(self.rng.integers(0, self.batch))
        if self.pool.n_synapses > self.most:
            n *= 2
        row, slot = self.some_edges(n)
        if self.rng.random() < 0.3:
            order = np.lexsort((slot, row))
            row, slot = row[order], slot[order]
        packed, weight = self.pool.remove(row, slot)
        removed = self.twin.remove(row, slot)
        assert packed.tolist() == [edge[DELAY] << self.pool.column_bits | edge[COLUMN] for edge in removed]
        assert weight.tolist() == [edge[WEIGHT] for edge in removed]
        self.count += row.size

    def build(self):
        n_rows, n = int(self.rng.integers(0, 5)), int(self.rng.integers(0, self.batch))
        n = n if n_rows else 0
        row0 = self.pool.add_rows(n_rows)
        self.twin.rows += [[] for _ in range(n_rows)]
        row = row0 + self.rng.integers(0, max(1, n_rows), n)
        column, weight = self.rng.integers(0, self.columns, n), self.rng.normal(size=n)
        self.pool.build(row0, n_rows, row, column, 3, weight)
        self.twin.insert(row, column, np.full(n, 3), weight)
        self.count += n

    def remap(self):
        new = self.rng.permutation(self.columns)
        new[self.rng.random(self.columns) < 0.05] = -1
        bits = int(self.rng.integers(8, 27))
        old_bits, twin = self.pool.column_bits, self.twin
        row, packed, weight = self.pool.remap(new, bits)
        gone = [(r, s) for r, s in twin.edges() if new[twin.rows[r][s][COLUMN]] < 0]
        removed = twin.remove([r for r, _ in gone], [s for _, s in gone])
        assert row.tolist() == [r for r, _ in gone]
        assert packed.tolist() == [edge[DELAY] << old_bits | edge[COLUMN] for edge in removed]
        assert weight.tolist() == [edge[WEIGHT] for edge in removed]
        twin.rows = [[(int(new[edge[COLUMN]]), *edge[1:]) for edge in line] for line in twin.rows]
        self.count += len(removed)

    def move_rows(self):
        old = self.pool.n_rows
        n_rows = old + int(self.rng.integers(0, 3)) if old < 60 else old - 10
        row_map = self.rng.permutation(max(old, n_rows))[:old]
        row_map[(self.rng.random(old) < 0.05) | (row_map >= n_rows)] = -1
        self.pool.move_rows(row_map, n_rows)
        lines = [[] for _ in range(n_rows)]
        for r, line in enumerate(self.twin.rows):
            if row_map[r] >= 0:
                lines[row_map[r]] = line
            else:
                self.count += len(line)
        self.twin.rows = lines
        kept = [note for note in self.twin.notes if row_map[note["row"]] >= 0]
        self.twin.notes = [{**note, "row": int(row_map[note["row"]])} for note in kept]

    def set_values(self):
        row, slot = self.some_edges(20)
        weight, extra = self.rng.normal(size=row.size).astype(np.float32), self.rng.normal(size=row.size)
        place = self.pool.places_of(row, slot)
        self.pool.weight[place] = weight
        if self.pool.extra.size:
            self.pool.extra[place] = extra
        for r, s, w, x in zip(row, slot, weight, extra, strict=True):
            edge = self.twin.rows[r][s]
            self.twin.rows[r][s] = (*edge[:2], float(w), edge[IDENT], float(x) if self.pool.extra.size else edge[EXTRA])

    def want(self):
        if not self.pool.ident.size and self.rng.random() < 0.5:
            self.pool.want_ident()
            twin, self.twin.next_ident = self.twin, 0
            for r, s in twin.edges():
                edge = twin.rows[r][s]
                twin.rows[r][s] = (*edge[:IDENT], twin.next_ident, edge[EXTRA])
                twin.next_ident += 1
        elif not self.pool.extra.size:
            self.pool.want_extra(0.5)
            self.twin.fill = 0.5
            self.twin.rows = [[(*edge[:EXTRA], 0.5) for edge in line] for line in self.twin.rows]

    def compact(self):
        self.pool.compact()
        assert self.pool.holes == 0.0 and self.pool.used[0] == self.pool.places

    # ---- notes

    def note(self):
        rows, steps = self.some_rows(6), self.step - self.rng.integers(0, 3, 6)
        self.step += 1
        self.pool.note(rows, steps)
        for r, step in zip(rows, steps, strict=True):
            amounts = [edge[WEIGHT] for edge in self.twin.rows[r]]
            self.twin.notes.append({"row": int(r), "step": int(step), "amounts": amounts})

    def drop_notes(self):
        self.pool.drop_notes(self.step - 8)
        self.twin.notes = [note for note in self.twin.notes if note["step"] >= self.step - 8]

    def sent(self):
        row, slot = self.some_edges(50)
        step = self.step - self.rng.integers(0, 10, row.size)
        expected = [self.twin.sent(*edge) for edge in zip(row.tolist(), slot.tolist(), step.tolist(), strict=True)]
        assert self.pool.sent(row, slot, step).tolist() == expected

    # ---- questions

    def search(self):
        twin, row, column = self.twin, self.some_rows(100), self.rng.integers(0, self.columns, 100)
        lines = [[edge[COLUMN] for edge in twin.rows[r]] for r in row]
        count = [line.count(c) for line, c in zip(lines, column, strict=True)]
        first = [line.index(c) if n else -1 for line, c, n in zip(lines, column, count, strict=True)]
        assert self.pool.find(row, column).tolist() == first
        assert self.pool.count_in_row(row, column).tolist() == count
        if self.pool.ident.size:
            row, slot = self.some_edges(50)
            ident = np.array([twin.rows[r][s][IDENT] for r, s in zip(row, slot, strict=True)], np.int64)
            assert self.pool.find_ident(row, ident).tolist() == slot.tolist()
            assert (self.pool.find_ident(row, ident + twin.next_ident) == -1).all()

    def degrees(self):
        row0 = int(self.rng.integers(0, self.pool.n_rows))
        n_rows, column0 = int(self.rng.integers(0, self.pool.n_rows - row0 + 1)), self.columns // 4
        n_columns = self.columns // 2
        lines = self.twin.rows[row0 : row0 + n_rows]
        assert self.pool.degrees_out(row0, n_rows).tolist() == [len(line) for line in lines]
        index = [[] for _ in range(self.columns)]
        for r, line in enumerate(lines):
            for s, edge in enumerate(line):
                index[edge[COLUMN]].append((row0 + r, s))
        index = index[column0 : column0 + n_columns]
        assert self.pool.degrees_in(row0, n_rows, column0, n_columns).tolist() == [len(line) for line in index]
        first, row, slot = self.pool.transpose(row0, n_rows, column0, n_columns)
        assert np.diff(first).tolist() == [len(line) for line in index]
        pairs = list(zip(row.tolist(), slot.tolist(), strict=True))
        assert pairs == [pair for line in index for pair in line]
        delays = [edge[DELAY] for line in lines for edge in line]
        assert self.pool.delay_range(row0, n_rows) == ((min(delays), max(delays)) if delays else (0, -1))

    def weak(self):
        twin = self.twin
        row, slot = self.pool.weaker_than(0.3)
        expected = [(r, s) for r, s in twin.edges() if abs(twin.rows[r][s][WEIGHT]) < 0.3]
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == expected
        columns = self.rng.permutation(self.columns)[:7]
        k = self.rng.integers(0, 12, 7)
        expected = []
        for c, n in zip(columns, k, strict=True):
            onto = [(abs(twin.rows[r][s][WEIGHT]), r, s) for r, s in twin.edges() if twin.rows[r][s][COLUMN] == c]
            expected += [(r, s) for _, r, s in sorted(onto)[:n]]
        row, slot = self.pool.weakest_in(columns, k)
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == expected

    def sample(self):
        row_uid, column_uid = self.uids()
        row0 = int(self.rng.integers(0, self.pool.n_rows))
        n_rows = min(self.pool.n_rows - row0, 8)
        asked = row0 + self.rng.integers(0, n_rows, 3)
        k = self.rng.integers(0, 30, 3)
        row, slot = self.pool.sample_out(asked, k, KEY, row_uid, column_uid)
        hashed = {r: sorted(self.twin.hashes(r, row_uid, column_uid)) for r in range(row0, row0 + n_rows)}
        expected = [(r, s) for r, n in zip(asked, k, strict=True) for _, s in hashed[r][:n]]
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == expected
        everything = sorted((h, r, s) for r in hashed for h, s in hashed[r])
        columns = self.rng.permutation(self.columns)[:3]
        expected = []
        for c, n in zip(columns, k, strict=True):
            expected += [(r, s) for _, r, s in everything if self.twin.rows[r][s][COLUMN] == c][:n]
        row, slot = self.pool.sample_in(columns, k, row0, n_rows, KEY, row_uid, column_uid)
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == expected
        n = int(self.rng.integers(0, len(everything) + 3))
        row, slot = self.pool.sample_edges(n, row0, n_rows, KEY, row_uid, column_uid)
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == [(r, s) for _, r, s in everything[:n]]

    # ---- all of it

    def compare(self):
        """Every synapse and every note, in order."""
        pool, twin = self.pool, self.twin
        row, slot, column, delay, weight = pool.edges()
        flat = [edge for line in twin.rows for edge in line]
        assert list(zip(row.tolist(), slot.tolist(), strict=True)) == twin.edges()
        values = [column.tolist(), delay.tolist(), weight.tolist()]
        place = pool.places_of(row, slot)
        for n, kept in ((IDENT, pool.ident), (EXTRA, pool.extra)):
            values.append(kept[place].tolist() if kept.size else [edge[n] for edge in flat])
        assert list(zip(*values, strict=True)) == flat
        first = {}
        for note in twin.notes:
            first.setdefault((note["row"], note["step"]), note["amounts"])
        noted = {}
        for i in range(pool.note_used[0]):
            at = pool.note_first[i]
            pair = int(pool.note_row[i]), int(pool.note_step[i])
            noted.setdefault(pair, pool.amount[at : at + pool.note_length[i]].tolist())
        assert noted == first

    def run(self, count):
        """Random operations until `count` synapses were born or removed."""
        often = [self.insert] * 6 + [self.remove] * 5 + [self.set_values, self.note, self.note, self.sent, self.search]
        seldom = [self.build, self.remap, self.move_rows, self.want, self.compact, self.drop_notes]
        seldom += [self.degrees, self.weak, self.sample]
        rounds = 0
        while self.count < count:
            group = often if self.rng.random() < 0.75 else seldom
            group[self.rng.integers(len(group))]()
            self.pool.check()
            rounds += 1
            if rounds % 8 == 0:
                self.compare()
        self.compare()


@pytest.mark.parametrize(("dtype", "columns"), [("float32", 200), ("float64", 12)])  # few columns: many parallel
def test_fuzz_any_edits_leave_what_lists_leave(dtype, columns):
    batch, most, count = (100, 1_000, 20_000) if JIT else (30, 200, 3_000)
    Fuzz(1, dtype, batch, most, columns).run(count)


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="a million edits need the compiler")
def test_fuzz_a_million_edits_leave_what_lists_leave():
    for seed, batch in enumerate((50, 2_000, 10_000)):
        Fuzz(seed, "float32", batch, 5 * batch).run((100_000, 300_000, 600_000)[seed])


# ---- laws and numbers ------------------------------------------------------------------------------------------------


def small_pool(rng, n_rows=20, columns=30, n=300, **options):
    pool = RowPool(n_rows=n_rows, **options)
    row, column = rng.integers(0, n_rows, n), rng.integers(0, columns, n)
    pool.insert(row, column, rng.integers(1, 8, n), rng.normal(size=n))
    return pool


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("which", range(5))
def test_exactly_the_chosen_one_of_parallel_synapses_is_removed(which):
    pool = RowPool(n_rows=2)
    pool.insert([1] * 5, [3, 3, 3, 3, 3], [1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5])
    packed, weight = pool.remove([1], [which])
    assert weight[0] == (which + 1) / 10 and packed[0] >> pool.column_bits == which + 1
    assert pool.edges()[3].tolist() == [d for d in (1, 2, 3, 4, 5) if d != which + 1]
    assert pool.count_in_row(1, 3) == [4]


def test_find_gives_the_oldest_of_parallel_synapses():
    pool = RowPool(n_rows=1)
    pool.insert(0, [4, 7, 4, 7], [1, 2, 3, 4], 1.0)
    assert pool.find([0, 0, 0], [7, 4, 5]).tolist() == [1, 0, -1]


@pytest.mark.parametrize("length", [1, 15, 16, 17, 511, 512, 513, 1100])
def test_find_looks_at_every_place_of_a_row(length):
    pool = RowPool(n_rows=3)
    pool.build(0, 3, np.full(length, 1), np.arange(length), 255, 1.0)
    asked = np.arange(-1 if length < 30 else length - 5, length) % (length + 1)
    expected = np.where(asked < length, asked, -1)
    assert pool.find(1, asked).tolist() == expected.tolist()
    assert pool.find(1, length).tolist() == [-1] and pool.find(0, 0).tolist() == [-1]


def test_build_and_insert_agree(rng):
    n = 3_000 if JIT else 300
    row, column = rng.integers(5, 25, n), rng.integers(0, 100, n)
    delay, weight = rng.integers(0, 256, n), rng.normal(size=n)
    built, inserted = RowPool(n_rows=30), RowPool(n_rows=30)
    built.build(5, 20, row, column, delay, weight)
    inserted.insert(row, column, delay, weight)
    built.check()
    for a, b in zip(built.edges(), inserted.edges(), strict=True):
        assert np.array_equal(a, b)
    built.build(0, 5, [4, 0], [1, 2], 1, 2.0)
    built.check()
    assert built.n_synapses == n + 2


def test_build_fills_rows_that_were_emptied(rng):
    pool = small_pool(rng)
    row, slot = pool.edges()[:2]
    pool.remove(row, slot)
    pool.build(0, 20, [3, 3], [1, 2], 1, 2.0)
    pool.check()
    assert pool.edges()[2].tolist() == [1, 2]
    with pytest.raises(ParameterError, match="row 3 already has synapses; use insert"):
        pool.build(2, 5, [3], [1], 1, 2.0)


def test_delivery_after_edits_equals_a_sparse_product(rng):
    from scipy import sparse

    pool = small_pool(rng, n=2_000 if JIT else 300, dtype="float64")
    for _ in range(10):
        row, slot = pool.edges()[:2]
        gone = rng.permutation(row.size)[:50]
        pool.remove(row[gone], slot[gone])
        pool.insert(rng.integers(0, 20, 40), rng.integers(0, 30, 40), rng.integers(1, 8, 40), rng.normal(size=40))
    row, _, column, delay, weight = pool.edges()
    spikes = rng.integers(0, 3, 20)
    ring = np.zeros((8, 30))
    for r in np.repeat(np.arange(20), spikes):  # as a delivery kernel reads the pool
        for e in range(pool.start[r], pool.start[r] + pool.length[r]):
            ring[pool.packed[e] >> pool.column_bits, pool.packed[e] & pool.mask] += pool.weight[e]
    for d in range(1, 8):
        here = delay == d
        matrix = sparse.csr_matrix((weight[here], (row[here], column[here])), shape=(20, 30))
        assert np.abs(ring[d] - matrix.T @ spikes).max() < 1e-12


def test_a_choice_depends_on_uids_and_birth_only(rng):
    """The same synapses, reached by different edits, in other rows and columns, are chosen alike."""
    n, n_rows, columns = 200, 6, 10
    row, column = rng.integers(0, n_rows, n), rng.integers(0, columns, n)  # many parallel
    row_uid, column_uid = rng.permutation(100)[:n_rows], rng.permutation(100)[:columns]
    plain, edited = RowPool(n_rows=n_rows), RowPool(12, n_rows=n_rows + 5)
    weight = np.arange(n, dtype=float)
    plain.insert(row, column, 1, weight)
    row_place, column_place = rng.permutation(n_rows), rng.permutation(columns)
    for i in range(n):  # the same births among thousands of others that die again
        edited.insert(row_place[row[i]] + 5, column_place[column[i]], 2, weight[i])
        slot = edited.insert(row_place[row[i]] + 5, [rng.integers(0, columns)], 2, -1.0)
        edited.remove(row_place[row[i]] + 5, slot)
    new_row_uid, new_column_uid = np.zeros(n_rows + 5, np.int64), np.empty_like(column_uid)
    new_row_uid[row_place + 5], new_column_uid[column_place] = row_uid, column_uid

    def chosen(pool, ask, *arguments):
        row, slot = getattr(pool, ask)(*arguments)
        return pool.weight[pool.places_of(row, slot)].tolist()

    ours, theirs = (KEY, row_uid, column_uid), (KEY, new_row_uid, new_column_uid)
    assert chosen(plain, "sample_edges", 20, 0, n_rows, *ours) == chosen(edited, "sample_edges", 20, 5, n_rows, *theirs)
    a = chosen(plain, "sample_in", [2, 5], [4, 6], 0, n_rows, *ours)
    assert a == chosen(edited, "sample_in", column_place[[2, 5]], [4, 6], 5, n_rows, *theirs)
    a = chosen(plain, "sample_out", [1, 3], 7, *ours)
    assert a == chosen(edited, "sample_out", row_place[[1, 3]] + 5, 7, *theirs)


def test_samples_are_uniform(rng):
    """Each of 60 edges is drawn in 200 draws of 12 about 40 times (chi-square, 59 degrees of freedom)."""
    pool = RowPool(n_rows=6)
    pool.insert(np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6), 1, np.arange(60.0))
    draws, count = 200 if JIT else 60, np.zeros(60)
    for i in range(draws):
        row, slot = pool.sample_edges(12, 0, None, stream_key(i, "draw"), np.arange(6), np.arange(10))
        assert np.unique(row * 10 + slot).size == 12
        count[row * 10 + slot] += 1
    expected = draws * 12 / 60
    assert ((count - expected) ** 2 / (expected * (1 - 12 / 60))).sum() < 100  # p = 0.0006


def test_notes_say_what_an_earlier_spike_carried():
    pool = RowPool(n_rows=2)
    pool.insert([0, 0, 0], [1, 2, 3], 5, [0.1, 0.2, 0.3])
    pool.note([0], [10])
    pool.weight[pool.places_of(0, [0, 1, 2])] = 9.0
    pool.note([0], [10])  # the first note on a spike holds
    pool.note([0], [12])
    pool.insert(0, [4], 5, 7.0)  # born after both spikes
    assert pool.sent(0, [0, 1, 2, 3], 10).tolist() == [0.1, 0.2, 0.3, 0.0]
    assert pool.sent(0, [0, 3], 12).tolist() == [9.0, 0.0]
    assert pool.sent(0, [0, 3], 13).tolist() == [9.0, 7.0]
    pool.remove([0], [1])
    assert pool.sent(0, [0, 1, 2], 10).tolist() == [0.1, 0.3, 0.0]
    pool.move_rows([1, 0])
    assert pool.sent(1, [0, 1], 10).tolist() == [0.1, 0.3]
    pool.drop_notes(12)
    assert pool.sent(1, [0, 1], 10).tolist() == [9.0, 9.0] and pool.note_used.tolist() == [1, 2]


def test_idents_are_for_ever(rng):
    pool = small_pool(rng, n=50)
    pool.want_ident()
    row, slot, column = pool.edges()[:3]
    kept = np.arange(50)[::2]
    ident = pool.ident[pool.places_of(row, slot)]
    assert ident.tolist() == list(range(50))
    pool.remove(row[1::2], slot[1::2])
    pool.insert(np.arange(20), 1, 1, 0.0)
    pool.compact()
    found = pool.find_ident(row[kept], ident[kept])
    assert (pool.packed[pool.places_of(row[kept], found)] & pool.mask).tolist() == column[kept].tolist()
    assert (pool.find_ident(row[1::2], ident[1::2]) == -1).all()
    assert pool.ident[pool.places_of(np.arange(20), pool.length - 1)].tolist() == list(range(50, 70))


def test_memory_stays_near_eight_bytes_a_synapse(rng):
    n_rows = 2_000 if JIT else 40
    n = 100 * n_rows
    pool = RowPool(dtype="float32", n_rows=n_rows)
    pool.build(0, n_rows, rng.integers(0, n_rows, n), rng.integers(0, 1000, n), 1, 1.0)
    assert pool.bytes_per_synapse < 10
    for _ in range(20):
        row, slot = pool.edges()[:2]
        gone = rng.permutation(n)[: n // 20]
        pool.remove(row[gone], slot[gone])
        pool.insert(rng.integers(0, n_rows, n // 20), rng.integers(0, 1000, n // 20), 1, 1.0)
    assert pool.bytes_per_synapse < 12
    pool.compact()
    assert pool.bytes_per_synapse < 10
    grown = RowPool(dtype="float32", n_rows=n_rows)
    for _ in range(100):
        grown.insert(np.arange(n_rows), rng.integers(0, 1000, n_rows), 1, 1.0)
    assert grown.bytes_per_synapse < 12


def test_edits_lengthen_columns_while_nobody_holds_them():
    pool = RowPool(n_rows=1)
    pool.want_ident()
    pool.want_extra(2.0)
    for _ in range(12):
        pool.insert(np.zeros(200, int), np.arange(200), 1, 1.0)
    pool.check()
    assert pool.length[0] == 2400 and (pool.extra[:2400] == 2.0).all()


def test_size_classes_waste_at_most_a_fifth():
    sizes = edits.SIZES
    assert sizes[:4].tolist() == [0, 4, 8, 12] and sizes.size < 256 and sizes[-1] > edits.LONGEST
    assert ((sizes[9:] - sizes[8:-1] - 1) / sizes[9:] < 0.2).all()


@pytest.mark.parametrize("n", [0, 1, 63, 64, 1000])
def test_sorting_a_batch_is_stable(n, rng):
    key = rng.integers(0, max(1, n // 3), n)
    given = key.copy()
    sorted_key, order = batches.sort_keys(key, int(key.max(initial=0)))
    assert np.array_equal(order, np.argsort(given, kind="stable")) and np.array_equal(sorted_key, given[order])
    assert np.array_equal(key, given)


# ---- wording ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: p.insert([0, 25], 1, 1, 0.0), r"insert\(row\): must lie in 0 ... 19, got 25 at position 1"),
        (lambda p: p.insert(0, [1 << 24], 1, 0.0), r"column\): 16777216 at position 0 does not fit.*24 of.*16777215"),
        (lambda p: p.insert(0, [1, 2], [1, 256], 0.0), r"delay\): 256 at position 1 does not fit.*8 of.*0 ... 255"),
        (lambda p: p.insert(0, [1], -1, 0.0), r"delay\): -1 at position 0"),
        (lambda p: p.insert(0, [1, 2], 1, [1.0]), r"weight\): needs one number or 2"),
        (lambda p: p.insert([0, 1], [1, 2, 3], 1, 0.0), r"arrays of one length.*row \(2,\), column \(3,\)"),
        (lambda p: p.insert([0.5], [1], 1, 0.0), r"insert\(row\): must be whole numbers, got float64"),
        (lambda p: p.build(0, 20, [0], [1], 1, 0.0), "row 0 already has synapses; use insert"),
        (lambda p: p.remove([0, 0], [1, 1]), "row 0, slot 1 is named twice"),
        (lambda p: p.remove([0], [9999]), r"slot\): row 0 has \d+ synapses, slots 0 ... \d+; got 9999 at position 0"),
        (lambda p: p.remove([99], [0]), r"remove\(row\): must lie in 0 ... 19, got 99"),
        (lambda p: p.remap(np.arange(5)), r"column_map\): has 5 entries, but a synapse has column \d+"),
        (lambda p: p.remap(np.arange(30) + 50, 6), "column 79 does not fit into 6 bits, 0 ... 63"),
        (lambda p: p.remap(np.arange(30), 30), "a delay of 7 steps does not fit beside 30 column bits.*0 ... 3 steps"),
        (lambda p: p.move_rows([0] * 20), "two rows cannot become the same row"),
        (lambda p: p.move_rows([0]), r"needs 20 entries, one per row, got 1"),
        (lambda p: p.find_ident([0], [1]), "call want_ident"),
        (lambda p: p.edges(10, 11), "the pool has 20 rows"),
        (lambda p: p.weakest_in([3, 3], 1), "column 3 is named twice"),
        (lambda p: p.sample_edges(3, 0, None, KEY, np.arange(20), np.arange(5)), "names 5 columns, but column"),
        (lambda p: p.sample_edges(3, 0, 4, KEY, np.arange(4), np.arange(30)), "needs 20 uids, one for each row.*got 4"),
        (lambda p: p.sample_out([20], 1, KEY, np.arange(20), np.arange(30)), r"must lie in 0 ... 19, got 20"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_changes_nothing(call, text, rng):
    pool = small_pool(rng)
    before = pool.edges()
    with pytest.raises(ParameterError, match=text):
        call(pool)
    pool.check()
    for a, b in zip(before, pool.edges(), strict=True):
        assert np.array_equal(a, b)


def test_a_pool_needs_bits_and_a_float_type():
    with pytest.raises(ParameterError, match="column_bits: must lie in 1 ... 31, got 32"):
        RowPool(32)
    with pytest.raises(ParameterError, match="dtype: must be 'float64' or 'float32', got 'int8'"):
        RowPool(dtype="int8")
