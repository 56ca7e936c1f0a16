"""The runtime that lives in this process, if one does: how a task body finds it."""

from typing import Protocol


class Ticked(Protocol):
    def heartbeat(self) -> None: ...
    def election(self) -> None: ...
    def compact(self) -> None: ...
    def verify(self) -> None: ...
    def status(self) -> dict: ...


_runtime: Ticked | None = None


def set_runtime(runtime: Ticked | None) -> None:
    global _runtime
    _runtime = runtime


def get_runtime() -> Ticked | None:
    return _runtime
