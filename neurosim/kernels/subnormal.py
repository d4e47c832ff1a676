"""Numbers below 1e-308 as zeros: a current that fades for ever would slow the processor five times once it is that small.

The mode belongs to the thread, so whoever sets it puts it back.  Only x86-64 is told; elsewhere, and without the compiler,
nothing happens and such numbers stay, slow where the processor is.
"""

import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT

#: Flush results that are subnormal, and take operands that are as zeros: two bits of MXCSR.
FLUSH = 0x8040

if JIT and platform.machine().lower() in ("x86_64", "amd64"):

    def _word(builder):
        return cgutils.alloca_once(builder, ir.IntType(32))

    def _call(builder, name, place):
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}")
        builder.call(function, [builder.bitcast(place, cgutils.voidptr_t)])

    @intrinsic
    def flush_subnormals(typingctx):
        """Take subnormal numbers as zeros from now on; returns what `put_back` needs."""

        def codegen(context, builder, signature, arguments):
            before, after = _word(builder), _word(builder)
            _call(builder, "stmxcsr", before)
            word = builder.load(before)
            builder.store(builder.or_(word, ir.Constant(ir.IntType(32), FLUSH)), after)
            _call(builder, "ldmxcsr", after)
            return word

        return types.int32(), codegen

    @intrinsic
    def put_back(typingctx, word):
        """The mode as it was."""

        def codegen(context, builder, signature, arguments):
            place = _word(builder)
            builder.store(arguments[0], place)
            _call(builder, "ldmxcsr", place)
            return context.get_dummy_value()

        return types.void(types.int32), codegen

elif JIT:
    from neurosim.kernels.compiled import kernel

    @kernel
    def flush_subnormals():
        """Nothing to tell this processor."""
        return 0

    @kernel
    def put_back(word):
        """Nothing to put back."""

else:

    def flush_subnormals():
        """Nothing to tell NumPy."""
        return 0

    def put_back(word):
        """Nothing to put back."""
