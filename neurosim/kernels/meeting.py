"""A barrier for threads inside compiled code: they spin for a moment, then yield, without entering Python.

Knows one array of whole numbers that all threads share, `board`; its words lie on cache lines of their own.
"""

import ctypes
import sys
import threading
import time

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT, kernel

#: Words of the board: threads that have arrived, number of the meeting, whether somebody needs room before the delivery,
#: whether one has failed, how many threads there are, address of the system's yield, whether to stop after the chunk.
ARRIVED, TURN, LEAVE, FAILED, THREADS, YIELD, STOP = (8 * word for word in range(7))
SPINS = 200  # looks at the board before a thread gives its core away; measured best of 20 ... 5,000


def new_board(threads: int) -> np.ndarray:
    """The board of so many threads, int64; its first word begins a cache line."""
    raw = np.zeros(64, np.int64)
    board = raw[(-raw.ctypes.data // 8) % 8 :][:56]
    board[THREADS], board[YIELD] = threads, _yield_address()
    return board


def _yield_address() -> int:
    if sys.platform == "win32":
        return ctypes.cast(ctypes.WinDLL("kernel32").SwitchToThread, ctypes.c_void_p).value or 0
    return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0


if JIT:

    def _word(context, builder, kind, array, index):
        return builder.gep(context.make_array(kind)(context, builder, array).data, [index])

    @intrinsic
    def add_one(typingctx, board, word):
        """board[word] += 1 as one indivisible act; returns the number before."""

        def generate(context, builder, signature, arguments):
            place = _word(context, builder, signature.args[0], *arguments)
            return builder.atomic_rmw("add", place, ir.Constant(cgutils.intp_t, 1), "seq_cst")

        return types.int64(board, types.intp), generate

    @intrinsic
    def look(typingctx, board, word):
        """board[word]; what its writer wrote before it is then seen too."""

        def generate(context, builder, signature, arguments):
            return builder.load_atomic(_word(context, builder, signature.args[0], *arguments), "acquire", 8)

        return types.int64(board, types.intp), generate

    @intrinsic
    def write(typingctx, board, word, value):
        """board[word] = value, seen after all that was written before it."""

        def generate(context, builder, signature, arguments):
            place = _word(context, builder, signature.args[0], *arguments[:2])
            builder.store_atomic(arguments[2], place, "release", 8)
            return context.get_dummy_value()

        return types.void(board, types.intp, types.int64), generate

    @intrinsic
    def give_way(typingctx, address):
        """Let another thread have the core: a call of the system's function at `address`."""

        def generate(context, builder, signature, arguments):
            kind = ir.FunctionType(cgutils.int32_t, [])
            builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [])
            return context.get_dummy_value()

        return types.void(types.intp), generate

else:
    _lock = threading.Lock()

    def add_one(board, word):
        """board[word] += 1 as one indivisible act; returns the number before."""
        with _lock:
            before = int(board[word])
            board[word] = before + 1
        return before

    def look(board, word):
        """board[word]."""
        return board[word]

    def write(board, word, value):
        """board[word] = value."""
        board[word] = value

    def give_way(address):
        """Let another thread have the core."""
        time.sleep(0)


@kernel
def arrive(board):
    """Whether this thread is the last to come; it may then do what is to be done alone, and calls `release`."""
    return add_one(board, ARRIVED) == board[THREADS] - 1


@kernel
def release(board):
    """Let those who wait go on; only the last one calls it."""
    write(board, ARRIVED, 0)
    write(board, TURN, board[TURN] + 1)


@kernel
def wait(board, turn):
    """Until the meeting `turn` is over; False if another thread has failed."""
    spins = 0
    while look(board, TURN) == turn:
        spins += 1
        if spins > SPINS:
            if look(board, FAILED) != 0:
                return False
            give_way(board[YIELD])
    return True


@kernel
def meet(board):
    """Until all threads are here; False if another thread has failed."""
    turn = look(board, TURN)
    if arrive(board):
        release(board)
        return True
    return wait(board, turn)
