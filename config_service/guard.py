"""Only the state machine may write replicated tables: everything else must propose, or the nodes drift apart.

Nothing in Django stops `save()` from writing to this node's database alone, and such a write looks fine until a node is
rebuilt from the log. So every ORM path of a replicated model asks here first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import models

_applying: ContextVar[bool] = ContextVar("applying", default=False)


class ReplicatedWriteError(RuntimeError):
    """Something tried to write a replicated table without a proposal. A fault of the program, never of the caller."""


@contextmanager
def applying() -> Iterator[None]:
    """For the state machine only: what runs inside may write replicated tables."""
    token = _applying.set(True)
    try:
        yield
    finally:
        _applying.reset(token)


def require_applying(what: str) -> None:
    if not _applying.get():
        raise ReplicatedWriteError(f"{what} is replicated: it changes by proposal only, through the services")


class ReplicatedQuerySet(models.QuerySet):
    """Refuses the writes that never pass through `Model.save` and `Model.delete`."""

    def _guard(self) -> None:
        require_applying(self.model._meta.label)

    def update(self, **kwargs: Any) -> int:
        self._guard()
        return super().update(**kwargs)

    update.alters_data = True

    def _update(self, values: Any, *args: Any, **kwargs: Any) -> int:
        self._guard()
        return super()._update(values, *args, **kwargs)

    _update.alters_data = True

    def delete(self) -> tuple[int, dict[str, int]]:
        self._guard()
        return super().delete()

    delete.alters_data = True
    delete.queryset_only = True

    def _raw_delete(self, using: str | None) -> Any:
        self._guard()
        return super()._raw_delete(using)

    _raw_delete.alters_data = True

    def bulk_create(self, *args: Any, **kwargs: Any) -> list:
        self._guard()
        return super().bulk_create(*args, **kwargs)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        self._guard()
        return super().bulk_update(*args, **kwargs)

    bulk_update.alters_data = True


class ReplicatedModel(models.Model):
    """A model whose rows change only inside `applying`. Mixed in before any other base."""

    objects = ReplicatedQuerySet.as_manager()

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        require_applying(self._meta.label)
        super().save_base(*args, **kwargs)

    save_base.alters_data = True

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        require_applying(self._meta.label)
        return super().delete(*args, **kwargs)

    delete.alters_data = True


def refuse_signal(sender: type[models.Model], **kwargs: Any) -> None:
    """A receiver for ``pre_save`` and ``pre_delete`` of models that are replicated but not ours to subclass."""
    require_applying(sender._meta.label)


def refuse_link_change(sender: type[models.Model], action: str, **kwargs: Any) -> None:
    """A receiver for ``m2m_changed``: many-to-many rows are replicated with their owners."""
    if action.startswith("pre_"):
        require_applying(sender._meta.label)
