"""Counts the blocks of memory that Python code takes, those that it gives back at once included."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# PYMEM_DOMAIN_MEM and PYMEM_DOMAIN_OBJ: all but what is taken without the interpreter's lock.
_DOMAINS: Final = (1, 2)


class _Allocator(ctypes.Structure):
    """PyMemAllocatorEx."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


@dataclass(slots=True)
class Allocations:
    """How many blocks were taken, once the counting is over. A block that grows counts once."""

    count: int = 0


@contextmanager
def counted_allocations() -> Iterator[Allocations]:
    """Count what is allocated within.

    CPython counts the blocks that are in use now, not those that ever were. So nothing is given back while we
    count: `free` is a function that does nothing. That memory is lost, so count short runs only.
    """
    allocations = Allocations()
    collects = gc.isenabled()
    gc.disable()
    kept = [(domain, _allocator(domain)) for domain in _DOMAINS]
    for domain, allocator in kept:
        _use(domain, _without_free(allocator))
    before = sys.getallocatedblocks()
    try:
        yield allocations
    finally:
        allocations.count = sys.getallocatedblocks() - before
        for domain, allocator in kept:
            _use(domain, allocator)
        if collects:
            gc.enable()


def _allocator(domain: int) -> _Allocator:
    allocator = _Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(allocator))
    return allocator


def _without_free(allocator: _Allocator) -> _Allocator:
    changed = _Allocator.from_buffer_copy(allocator)
    # It takes no argument, changes nothing and is there on every platform.
    changed.free = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
    return changed


def _use(domain: int, allocator: _Allocator) -> None:
    ctypes.pythonapi.PyMem_SetAllocator(domain, ctypes.byref(allocator))
