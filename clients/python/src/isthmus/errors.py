"""The exceptions, by the codes of isthmus.h."""

import queue


class Error(Exception):
    """Anything that Isthmus has to say."""


class SystemCallError(Error, OSError):
    """A system call failed."""


class NotFound(Error, FileNotFoundError):
    """There is no such segment or object."""


class Exists(Error, FileExistsError):
    """There is a segment of that name."""


class Invalid(Error, ValueError):
    """An argument that cannot be."""


class Corrupt(Error):
    """The memory is damaged, or no segment."""


class Mismatch(Error):
    """It has another version, kind, type, size or option."""


class Untrusted(Error, PermissionError):
    """The file belongs to another user."""


class NoRoom(Error):
    """No slot, entry, id or space is left."""


class Closed(Error, ValueError):
    """The segment was closed."""


class Forked(Error):
    """A role, or a lent message, is that of the process that has forked."""


class OwnerDied(Error):
    """An owner has died with the lock. After acquire the lock is held."""


class NotHeld(Error):
    """This process does not hold that."""


class TimedOut(Error, TimeoutError):
    """The time is over. Nothing has changed."""


class Busy(Error):
    """Somebody else has the role."""


class Empty(TimedOut, queue.Empty):
    """No message has come in time."""


class Full(TimedOut, queue.Full):
    """There was no space for the message in time."""


class End(Error, EOFError):
    """The ring is closed: no message comes any more, nor may be pushed."""


class TooLarge(Error, ValueError):
    """The message is too large."""


CODES = {
    -1: SystemCallError,
    -2: NotFound,
    -3: Exists,
    -4: Invalid,
    -5: Corrupt,
    -6: Mismatch,
    -7: Untrusted,
    -8: NoRoom,
    -9: Closed,
    -10: Forked,
    -11: OwnerDied,
    -12: NotHeld,
    -13: TimedOut,
    -14: Busy,
    -15: Empty,
    -16: Full,
    -17: End,
    -18: TooLarge,
}
