"""Two words to the memory: ask for a cache line ahead of time, and move a stretch of an array over itself.

With the compiler off both are plain Python; with bounds checking on, `move` is a loop whose every index is checked.
"""

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT, kernel

if JIT:

    @intrinsic
    def prefetch(typingctx, array, index):
        """Ask for the cache line of array[index]; never faults, whatever the index, and returns nothing."""

        def codegen(context, builder, signature, arguments):
            place = _address(context, builder, signature.args[0], arguments[0], arguments[1])
            number = cgutils.int32_t
            kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
            # to read (0), keep in all levels (3), data (1)
            builder.call(function, [place, *(ir.Constant(number, value) for value in (0, 3, 1))])
            return context.get_dummy_value()

        return types.void(array, types.intp), codegen

    def _address(context, builder, kind, array, index):
        """Address of array[index] of a one-dimensional contiguous array."""
        data = context.make_array(kind)(context, builder, array).data
        return builder.bitcast(builder.gep(data, [index]), cgutils.voidptr_t)

else:

    def prefetch(array, index):
        """Nothing to ask for without the compiler."""


if JIT and not numba.config.BOUNDSCHECK:

    @intrinsic
    def move(typingctx, array, to, at, n):
        """array[to:to + n] = array[at:at + n], also when the two overlap (C's memmove); nothing is checked."""

        def codegen(context, builder, signature, arguments):
            kind = signature.args[0]
            target = _address(context, builder, kind, arguments[0], arguments[1])
            source = _address(context, builder, kind, arguments[0], arguments[2])
            size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
            cgutils.raw_memmove(builder, target, source, arguments[3], ir.Constant(cgutils.intp_t, size))
            return context.get_dummy_value()

        return types.void(array, types.intp, types.intp, types.intp), codegen

elif JIT:

    @kernel
    def move(array, to, at, n):
        """array[to:to + n] = array[at:at + n], also when the two overlap; every index is checked."""
        if to <= at:
            for i in range(n):
                array[to + i] = array[at + i]
        else:
            for i in range(n - 1, -1, -1):
                array[to + i] = array[at + i]

else:

    def move(array, to, at, n):
        """array[to:to + n] = array[at:at + n], also when the two overlap."""
        array[to : to + n] = array[at : at + n]
