"""Messages that leave in one turn, sorted by where they go: each destination gets its own with one push."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def by_destination(addressed: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """In the order in which they were said."""
    grouped: dict[str, list[T]] = {}
    for destination, message in addressed:
        grouped.setdefault(destination, []).append(message)
    return grouped
