"""Isthmus: segments of shared memory, with other processes in Python, Go and C.

    import isthmus

    with isthmus.open("market") as segment:
        ticks = segment.spsc("ticks", "{ID 0 uint64,Price 8 float64}", 1024)
        for id, price in ticks.consumer():
            print(id, price)
"""

import os
import weakref

from . import _isthmus
from ._isthmus import MPMC, SPSC, Array, Bytes, Consumer, Lent, Lock, Producer, Segment, Semaphore, Value, create, open, remove
from .errors import (
    CODES,
    Busy,
    Closed,
    Corrupt,
    Empty,
    End,
    Error,
    Exists,
    Forked,
    Full,
    Invalid,
    Mismatch,
    NoRoom,
    NotFound,
    NotHeld,
    OwnerDied,
    SystemCallError,
    TimedOut,
    TooLarge,
    Untrusted,
)
from .types import dtype_of, type_of

_unpickled = weakref.WeakValueDictionary()


def _reopen(name, dir, version, must_exist, device, inode):
    """Open what another process has pickled: once, while it is used here."""
    key = (name, dir, version, must_exist, device, inode)
    segment = _unpickled.get(key)
    if segment is None or segment.closed:
        segment = open(name, dir=dir, version=version, must_exist=must_exist)
        if segment._file != (device, inode):
            raise NotFound(f"segment {name!r}: another one has that name by now")
        _unpickled[key] = segment
    return segment


_isthmus._setup(CODES, type_of, dtype_of, _reopen)
os.register_at_fork(after_in_child=_isthmus._after_fork)

__all__ = [name for name in globals() if not name.startswith("_") and name not in ("os", "weakref", "errors", "types", "CODES")]
