"""What the product refuses, one class an answer. Admin shows the text, REST maps the class to a status."""

from collections.abc import Sequence
from typing import Any


class ProductError(Exception):
    """Base. ``code`` is stable; ``errors`` names the fields at fault; nothing was changed."""

    code = "refused"
    # Which field the reasons are about that the state machine gives.
    reasons_field = "value"

    def __init__(self, detail: str, errors: dict[str, list[str]] | None = None):
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or {}


class Invalid(ProductError):
    """The input is malformed."""

    code = "invalid"

    @classmethod
    def field(cls, name: str, detail: str) -> "Invalid":
        return cls(detail, {name: [detail]})


class TypeMismatch(Invalid):
    """The value is sound JSON, but not of the type that the entry has or that was asked for."""

    code = "type_mismatch"


class Unprocessable(Invalid):
    """Every part is sound, but not together."""

    code = "unprocessable"


class SchemaViolation(Unprocessable):
    """A value breaks the rules of its namespace."""

    code = "schema_violation"


class SchemaConflict(Unprocessable):
    """Existing values break the new rules. ``violations`` are the first of them; there are ``count``."""

    code = "schema_conflict"

    def __init__(self, detail: str, violations: Sequence[Any] = (), count: int = 0):
        super().__init__(detail)
        self.violations = violations
        self.count = count


class TooLarge(Invalid):
    code = "too_large"


class ApprovalRequired(ProductError):
    """The namespace changes by approved change sets only."""

    code = "approval_required"


class ChangeSetConflict(ProductError):
    """Entries have changed since the edits of a change set were made."""

    code = "change_set_conflict"
    reasons_field = "edits"


class WrongState(ProductError):
    """The change set is past that, or not there yet."""

    code = "wrong_state"


class SecondPersonRequired(ProductError):
    """Nobody approves what they wrote."""

    code = "second_person_required"


class PreconditionRequired(ProductError):
    """The namespace wants every write to name what it is based on."""

    code = "precondition_required"


class NotFound(ProductError):
    code = "not_found"


class AlreadyExists(ProductError):
    code = "already_exists"


class LastSuperuser(ProductError):
    """Without it nobody could give anybody a right again."""

    code = "last_superuser"


class NotEmpty(ProductError):
    code = "namespace_not_empty"


class FutureRevision(Invalid):
    """A revision that was not reached yet. ``current_revision`` is the newest."""

    code = "future_revision"

    def __init__(self, detail: str, current_revision: int = 0):
        super().__init__(detail)
        self.current_revision = current_revision


class Compacted(ProductError):
    """History does not reach back so far any more, only to ``oldest_revision``."""

    code = "compacted"

    def __init__(self, detail: str, oldest_revision: int = 0):
        super().__init__(detail)
        self.oldest_revision = oldest_revision


class PreconditionFailed(ProductError):
    """Someone else was faster. ``current_revision`` is 0 where there is nothing."""

    code = "precondition_failed"

    def __init__(self, detail: str, current_revision: int = 0):
        super().__init__(detail)
        self.current_revision = current_revision


class ImportLost(ProductError):
    """What was staged of an import is gone, since it took too long. It can be asked again as it was."""

    code = "import_lost"


class Unavailable(ProductError):
    """This node does not serve it now; another one may. ``code`` tells why."""

    def __init__(self, detail: str, code: str, retry_after_s: float = 1.0):
        super().__init__(detail)
        self.code = code
        self.retry_after_s = retry_after_s
