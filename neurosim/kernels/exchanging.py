"""What ranks tell each other inside compiled code: spikes, and states that others look at.

MPI is called by the address of its function, without entering Python.
Knows arrays of whole numbers, and in `mpi` the handles that `ranks.handles` gives; knows neither neurons nor networks.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from neurosim import ranks
from neurosim.kernels.compiled import JIT, allocating, kernel

#: Words of `mpi`: address of MPI_Allgather, handles of the communicator and of int32, whether handles have 8 bytes, how many
#: ranks there are and which this is; then counted: exchanges, and words that this rank sent in them.
ADDRESS, COMMUNICATOR, KIND, WIDE, RANKS, RANK, EXCHANGES, WORDS = range(8)


def new_mpi() -> np.ndarray:
    """The array `mpi` of this process, int64."""
    return np.array([*ranks.handles(), ranks.SIZE, ranks.RANK, 0, 0], np.int64)


if JIT:

    @intrinsic
    def _allgather(typingctx, address, communicator, kind, wide, send, recv, count):
        """MPI_Allgather of `count` int32; returns its error code."""

        def generate(context, builder, signature, arguments):
            address, communicator, kind, wide, send, recv, count = arguments
            data = [
                builder.bitcast(context.make_array(signature.args[k])(context, builder, array).data, cgutils.voidptr_t)
                for k, array in ((4, send), (5, recv))
            ]
            number = builder.trunc(count, cgutils.int32_t)
            code = cgutils.alloca_once(builder, cgutils.int32_t)
            with builder.if_else(cgutils.is_not_null(builder, wide)) as (then, otherwise):
                for branch, handle in ((then, cgutils.intp_t), (otherwise, cgutils.int32_t)):
                    with branch:
                        of = [data[0], number, kind, data[1], number, kind, communicator]
                        if handle is not cgutils.intp_t:
                            of = [builder.trunc(x, handle) if x is kind or x is communicator else x for x in of]
                        function = ir.FunctionType(cgutils.int32_t, [x.type for x in of])
                        builder.store(builder.call(builder.inttoptr(address, function.as_pointer()), of), code)
            return builder.sext(builder.load(code), cgutils.intp_t)

        given = types.intp, types.intp, types.intp, types.intp, send, recv, types.intp
        return types.intp(*given), generate

else:

    def _allgather(address, communicator, kind, wide, send, recv, count):
        ranks.allgather(send[:count], recv[: count * ranks.SIZE])
        return 0


@kernel
def gather(mpi, send, recv, count):
    """recv[r * count : (r + 1) * count] = send[:count] of rank r (int32)."""
    if _allgather(mpi[ADDRESS], mpi[COMMUNICATOR], mpi[KIND], mpi[WIDE], send, recv, count) != 0:
        raise RuntimeError("the ranks have lost each other: MPI_Allgather failed")
    mpi[WORDS] += count


@kernel
def any_rank(mpi, send, recv, flag):
    """Whether `flag` holds on any rank."""
    send[0] = flag
    gather(mpi, send, recv, 1)
    found = False
    for r in range(mpi[RANKS]):
        found |= recv[r] != 0
    return found


@kernel
def exchange_spikes(n_steps, at, record, record_bounds, mpi, send, recv):
    """Give every rank the spikes of all in `n_steps` steps behind record_bounds[at], in each step in order of place.

    `send` has a word for the number of spikes and one for each step, then room for places; `recv` as many for each rank.
    What does not fit goes in a second message.
    """
    _exchange(0, n_steps, at, record, record_bounds, mpi, send, recv)


@kernel
def exchange_both(n_steps, at, record, record_bounds, mpi, send, recv, states, first, where):
    """As exchange_spikes; and give every rank the states that others than the owner look at, in the same message.

    where[first[r] : first[r + 1]] are those of rank r: block (in `states`), variable, place.  Each is two words, ahead of the
    spikes, and as many words for each rank.  Bits are copied, whatever number they are.
    """
    own, most = mpi[RANK], np.int64(0)
    for r in range(mpi[RANKS]):
        most = max(most, first[r + 1] - first[r])
    _copy(states, where, first[own], first[own + 1], send, 0, False)
    _exchange(2 * most, n_steps, at, record, record_bounds, mpi, send, recv)
    for r in range(mpi[RANKS]):
        if r != own:
            _copy(states, where, first[r], first[r + 1], recv, r * send.size, True)


@kernel
def _copy(states, where, low, high, message, at, back):
    """Copy the words of the states where[low:high] to message[at:]; or `back`."""
    q = low
    while q < high:
        block = where[q, 0]
        words = states[block].view(np.int32)
        while q < high and where[q, 0] == block:  # taking an array out of a tuple costs more than a copy
            line, place = where[q, 1], 2 * where[q, 2]
            if back:
                words[line, place], words[line, place + 1] = message[at], message[at + 1]
            else:
                message[at], message[at + 1] = words[line, place], words[line, place + 1]
            at += 2
            q += 1


@allocating
def _exchange(ahead, n_steps, at, record, record_bounds, mpi, send, recv):
    """See exchange_spikes; the first `ahead` words of each message belong to somebody else."""
    size, width = mpi[RANKS], send.size
    begin, head = record_bounds[at], ahead + 1 + n_steps
    room = width - head
    mine = record_bounds[at + n_steps] - begin
    send[ahead] = mine
    for s in range(n_steps):
        send[ahead + 1 + s] = record_bounds[at + s + 1] - record_bounds[at + s]
    for q in range(min(mine, room)):
        send[head + q] = record[begin + q]
    gather(mpi, send, recv, width)
    most = np.int64(0)
    for r in range(size):
        most = max(most, np.int64(recv[r * width + ahead]))
    beyond = max(0, most - room)
    more, rest = np.empty(beyond, np.int32), np.empty(size * beyond, np.int32)
    if beyond > 0:
        for q in range(room, mine):
            more[q - room] = record[begin + q]
        gather(mpi, more, rest, beyond)
    mpi[EXCHANGES] += 1
    head_of = np.zeros(size, np.int64)  # spikes of each rank that are placed already
    bounds, swap = np.empty(size + 1, np.int64), np.empty(0, np.int64)
    found = begin
    for s in range(n_steps):
        bounds[0] = found
        for r in range(size):
            for _ in range(recv[r * width + ahead + 1 + s]):
                q = head_of[r]
                record[found] = recv[r * width + head + q] if q < room else rest[r * beyond + q - room]
                head_of[r] = q + 1
                found += 1
            bounds[r + 1] = found
        if swap.size < found - bounds[0]:
            swap = np.empty(2 * (found - bounds[0]), np.int64)
        _merge(record, bounds, size, swap)
        record_bounds[at + s + 1] = found


@kernel
def _merge(record, bounds, lists, swap):
    """Sort record[bounds[0] : bounds[lists]], whose parts between two bounds ascend; pairs of them are joined until one is left."""
    apart = 1
    while apart < lists:
        for r in range(0, lists - apart, 2 * apart):
            low, middle, high = bounds[r], bounds[r + apart], bounds[min(r + 2 * apart, lists)]
            if low == middle or middle == high or record[middle - 1] < record[middle]:
                continue
            for q in range(low, middle):
                swap[q - low] = record[q]
            a, b, n = 0, middle, middle - low
            for q in range(low, high):
                if a < n and (b == high or swap[a] < record[b]):
                    record[q] = swap[a]
                    a += 1
                elif a == n:
                    break
                else:
                    record[q] = record[b]
                    b += 1
        apart *= 2
