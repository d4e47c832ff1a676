"""Calls of kernels by their address, so that the caller holds no copy of them.

Numba links the code of every kernel that a function calls into that function, and optimises it once more: a driver would take
longer to compile than all that it calls.  By address it is short, and one driver serves every rule whose arrays are alike.

An address says nothing about types.  They are checked when the caller is compiled: its calls are numbered, and `Kernels` says
what each is made for; a cached caller is found by the types of its arguments, from which `Kernels` derives the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import typeof, types
from numba.core import cgutils
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT

try:  # Numba's own key of the types of arguments, at a small part of the cost of `typeof`; a private name
    from numba._dispatcher import compute_fingerprint as kinds_of
except ImportError:  # pragma: no cover
    kinds_of = typeof

_promise = threading.local()  # what the kernels of the driver that is being compiled in this thread take


def _caller(result: Any) -> Any:
    """An intrinsic (addresses, number, arguments) that calls a kernel which returns `result`."""

    def declare(typing_context: Any, addresses: Any, number: Any, arguments: Any) -> Any:
        if not isinstance(number, types.IntegerLiteral):
            return None  # Numba asks for the literal first
        given = tuple(types.unliteral(one) for one in arguments)
        made = _promise.types[number.literal_value]
        if given != made:
            raise NumbaTypeError(f"call {number.literal_value} is made with {given}, the kernel is compiled for {made}")

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array = context.make_array(addresses)(context, builder, values[0])
            at = context.get_constant(types.intp, number.literal_value)
            address = builder.load(builder.gep(array.data, [at]))
            function = context.call_conv.get_function_type(result, given)
            pointer = builder.inttoptr(address, function.as_pointer())
            cast = [
                context.cast(builder, builder.extract_value(values[2], i), one, wanted)
                for i, (one, wanted) in enumerate(zip(arguments, given, strict=True))
            ]
            status, out = context.call_conv.call_function(builder, pointer, result, given, cast)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return context.get_dummy_value() if result is types.none else out

        return result(addresses, number, arguments), generate

    return intrinsic(declare)


if JIT:
    call = _caller(types.none)
    ask = _caller(types.boolean)
else:

    def call(kernels: Sequence[Callable[..., Any]], number: int, arguments: tuple[Any, ...]) -> Any:
        """Call kernel `number`."""
        return kernels[number](*arguments)

    ask = call


class Kernels:
    """The kernels of one driver, as it wants them: their addresses for the types that it is called with.

    Parameters
    ----------
    drive : kernel
        Takes what this object gives, then its own arguments.
    sites : callable
        For the same arguments, a list of what each of its calls is made with, in the order of their numbers.
    kernels : list of kernels
        What is called.
    """

    def __init__(
        self, drive: Callable[..., Any], sites: Callable[..., list[tuple[Any, ...]]], kernels: list[Callable[..., Any]]
    ) -> None:
        self.drive = drive
        self.sites = sites
        self.kernels: list[Any] = kernels
        self._known: dict[Any, tuple[list[tuple[Any, ...]], Any]] = {}
        self._ready: set[Any] = set()

    def __call__(self, *arguments: Any) -> Any:
        """Call `drive`."""
        if not JIT:
            return self.drive(self.kernels, *arguments)
        _promise.types, addresses = self._prepared(arguments)
        return self.drive(addresses, *arguments)

    def ready(self, arguments: tuple[Any, ...]) -> None:
        """Compile all that a call with such arguments needs."""
        if JIT and (kinds := kinds_of(arguments)) not in self._ready:
            _promise.types, addresses = self._prepared(arguments)
            drive: Any = self.drive
            drive.compile((typeof(addresses), *(typeof(one) for one in arguments)))
            self._ready.add(kinds)

    def _prepared(self, arguments: tuple[Any, ...]) -> tuple[list[tuple[Any, ...]], np.ndarray]:
        kinds = kinds_of(arguments)
        if kinds not in self._known:
            self._known[kinds] = self._compile(arguments)
        return self._known[kinds]

    def _compile(self, arguments: tuple[Any, ...]) -> tuple[list[tuple[Any, ...]], np.ndarray]:
        promised, addresses = [], []
        for one, given in zip(self.kernels, self.sites(*arguments), strict=True):
            signature = tuple(typeof(value) for value in given)
            one.compile(signature)
            compiled = one.overloads[signature]
            promised.append(signature)
            addresses.append(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))
        return promised, np.array(addresses, np.int64)
