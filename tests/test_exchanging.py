"""Joining the spikes that ranks send each other: against sorting, and against ranks that are played by one process."""

import numpy as np
import pytest

from neurosim import ranks
from neurosim.engine import exchange
from neurosim.kernels import exchanging
from neurosim.kernels.compiled import JIT


@pytest.mark.parametrize("lists", range(1, 9))
def test_lists_that_ascend_become_one(lists):
    rng = np.random.default_rng(lists)
    for _ in range(30):
        size = rng.integers(0, 6, lists) * (rng.random(lists) < 0.7)
        bounds = 3 + np.concatenate([[0], np.cumsum(size)])
        place = rng.permutation(100)[: bounds[-1] - 3]
        record = np.concatenate([[7, 7, 7], *[np.sort(one) for one in np.split(place, bounds[1:-1] - 3)], [7]])
        exchanging._merge(record, bounds, lists, np.empty(50, np.int64))
        np.testing.assert_array_equal(record, [7, 7, 7, *np.sort(place), 7])


@pytest.mark.skipif(JIT, reason="plays the other ranks in the interpreter: NUMBA_DISABLE_JIT=1")
@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("room", [1, 4, 100])
def test_all_ranks_hold_the_spikes_of_all(monkeypatch, size, room):
    """Each rank in turn, with the messages of the others; also where they do not fit into one."""
    rng, steps, begin = np.random.default_rng(size), 4, 2
    owner = rng.integers(0, size, 60)
    fired = [np.flatnonzero(rng.random(60) < p) for p in (0.0, 0.1, 0.5, 0.9)]
    own = [[step[owner[step] == rank] for step in fired] for rank in range(size)]
    messages = [np.concatenate([[sum(map(len, o)), *map(len, o)], *o]).astype(np.int32) for o in own]
    most = max(m.size for m in messages)
    width = 1 + steps + room
    padded = np.zeros((size, most + width), np.int32)
    for line, message in zip(padded, messages, strict=True):
        line[: message.size] = message
    monkeypatch.setattr(ranks, "SIZE", size)
    for rank in range(size):
        mpi = np.zeros(exchanging.WORDS + 1, np.int64)
        mpi[exchanging.RANKS], mpi[exchanging.RANK] = size, rank
        sent = []

        def gather(send, recv, rank=rank, sent=sent):
            at = sum(sent)
            recv[:] = padded[:, at : at + send.size].ravel()
            known = padded[rank, at : at + send.size]
            held = min(messages[rank].size - at, send.size)
            np.testing.assert_array_equal(send[: max(held, 0)], known[: max(held, 0)])
            sent.append(send.size)

        monkeypatch.setattr(ranks, "allgather", gather)
        record, bounds = np.full(100, -1, np.int64), np.zeros(8, np.int64)
        bounds[1 : begin + 1] = 5
        record[5 : 5 + messages[rank].size - 1 - steps] = np.concatenate(own[rank])
        bounds[begin + 1 : begin + 1 + steps] = 5 + np.cumsum([len(one) for one in own[rank]])
        exchanging.exchange_spikes(
            steps, begin, record, bounds, mpi, np.zeros(width, np.int32), np.zeros(width * size, np.int32)
        )
        np.testing.assert_array_equal(np.diff(bounds[begin : begin + 1 + steps]), [len(step) for step in fired])
        np.testing.assert_array_equal(record[5 : bounds[begin + steps]], np.concatenate(fired))
        assert exchange.sent((mpi,)) == {"exchanges": 1, "bytes": 4 * sum(sent)}
        assert len(sent) == 1 + (most - 1 - steps > room)


def test_messages_are_as_long_as_spikes_are_many(monkeypatch):
    monkeypatch.setattr(exchange, "new_mpi", lambda: np.zeros(exchanging.WORDS + 1, np.int64))
    monkeypatch.setattr(ranks, "SIZE", 4)
    mail = exchange.fitting((), 15, 0.0, ())
    assert mail[1].size >= 1 + 15 + exchange.LEAST_ROOM and mail[2].size == 4 * mail[1].size
    assert exchange.fitting(mail, 15, 3.0, ()) is mail  # a stretch with a few more spikes
    more = exchange.fitting(mail, 15, 100.0, ())
    assert more[0] is mail[0] and 1.1 * 15 * 100 / 4 < more[1].size < 1.4 * 15 * 100 / 4 + 100
    assert exchange.fitting(more, 15, 0.0, ())[1].size == mail[1].size
    assert exchange.sent(()) == {}
