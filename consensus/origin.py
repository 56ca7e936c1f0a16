"""Where a change comes from: which way it came in, and from which address. It travels with the proposal.

Kept beside the call instead of in its arguments, so that no service has to pass on what it does not use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Origin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """``channel`` is how it came in: admin, rest, command (line) or task. ``address`` is the client's, or user@host of
    a command, or the name of a task. ``token`` is the start of the API token that was used, by which it is known."""

    channel: str = ""
    address: str = ""
    token: str = ""


UNKNOWN = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=UNKNOWN)


def current() -> Origin:
    return _current.get()


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """What is proposed inside comes from ``origin``."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


def authenticated_by(token: str) -> None:
    """The rest of this request (see `coming_from`) goes by an API token that begins with ``token``."""
    _current.set(msgspec.structs.replace(_current.get(), token=token))
