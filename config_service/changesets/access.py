"""Who may do what with a change set: it follows from what they may do in every namespace that it touches.

Seeing one takes reading; writing one, or taking it back, takes changing entries; approving, scheduling and publishing
take publishing. Nobody goes round the second person: whoever may operate a namespace can take its mark away, on record.
"""

from collections.abc import Iterable

from config_service.accounts import policy
from config_service.accounts.models import ApiToken, User
from config_service.changesets.drafting import Wanted
from config_service.changesets.edits import DELETE, PUT, Edit

SEE, WITHDRAW, APPROVE, PUBLISH = "see", "withdraw", "approve", "publish"
_ACTIONS = {
    SEE: ("read",),
    WITHDRAW: ("read", "change"),
    APPROVE: ("read", "publish"),
    PUBLISH: ("read", "publish"),
}
_WRITES = {PUT: "put", DELETE: "delete"}

# An action of `policy.ACTIONS`, and the namespace that it is in.
Needed = tuple[str, str]


def needed_for(step: str, namespaces: Iterable[str]) -> list[Needed]:
    """For ``step`` with a change set that touches ``namespaces``."""
    return [(action, namespace) for namespace in namespaces for action in _ACTIONS[step]]


def needed_to_write(edits: Iterable[Edit | Wanted]) -> list[Needed]:
    """To propose ``edits``: what it would take to do them directly. One that is kept was allowed to who wrote it, and
    its namespace is asked for with the change set."""
    return sorted({(_WRITES[edit.operation], edit.namespace) for edit in edits if edit.operation in _WRITES})


def lacking(user: User, token: ApiToken | None, needed: Iterable[Needed]) -> tuple[str, str] | None:
    """The first scope or permission that the caller lacks, and where; None: may do all of it."""
    for action, namespace in needed:
        if missing := policy.missing(user, token, action, namespace):
            return missing, namespace
    return None


def may(user: User, token: ApiToken | None, step: str, namespaces: Iterable[str]) -> bool:
    return lacking(user, token, needed_for(step, namespaces)) is None
