"""The one way from a use case to the group: wrap the command, propose it, turn a refusal into an error."""

from collections.abc import Callable
from uuid import uuid4

from config_service.envelope import CommandBase, Done, decode_result, encode, fingerprint
from config_service.errors import (
    AlreadyExists,
    ApprovalRequired,
    ChangeSetConflict,
    Compacted,
    FutureRevision,
    ImportLost,
    Invalid,
    LastSuperuser,
    NotEmpty,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    ProductError,
    SchemaConflict,
    SchemaViolation,
    SecondPersonRequired,
    TooLarge,
    TypeMismatch,
    Unprocessable,
    WrongState,
)
from consensus import client as consensus_client
from consensus import origin
from consensus.conf import get_config
from consensus.errors import RequestConflict
from consensus.models import AppliedRequest
from consensus.services import now

_ERRORS: dict[str, type[ProductError]] = {
    error.code: error
    for error in (
        AlreadyExists,
        ApprovalRequired,
        ChangeSetConflict,
        ImportLost,
        Invalid,
        LastSuperuser,
        NotEmpty,
        NotFound,
        PreconditionRequired,
        SchemaConflict,
        SchemaViolation,
        SecondPersonRequired,
        TooLarge,
        TypeMismatch,
        Unprocessable,
        WrongState,
    )
} | {"namespace_not_found": NotFound}
_ERRORS_WITH_REVISION = {error.code: error for error in (Compacted, FutureRevision, PreconditionFailed)}


def propose(
    command: CommandBase,
    actor: str,
    request_id: str = "",
    deadline_s: float | None = None,
    *,
    asked: bytes = b"",
) -> Done:
    """Propose and wait until it is applied here. Raises what `consensus.client.Client.propose` raises, and
    `config_service.errors.ProductError` where the state machine refused. ``asked`` is the fingerprint of the request,
    where the command says more than that, such as what was found when it was made."""
    applied = consensus_client.get_client().propose(
        encode(command, actor, now(), origin.current(), get_config().command_version),
        request_id or uuid4().hex,
        deadline_s,
        fingerprint=asked or fingerprint(command, actor),
    )
    return _settle(applied.result)


def propose_made(make: Callable[[], CommandBase], actor: str, request_id: str, asked: bytes) -> Done:
    """`propose` what ``make`` makes out of what there is now. Where that raises a `ProductError`, this very request may
    have been applied before, when nothing was against it: then its first answer stands."""
    try:
        command = make()
    except ProductError:
        if request_id and (done := first_answer(request_id, asked)) is not None:
            return done
        raise
    return propose(command, actor, request_id, asked=asked)


def all_read(since: int) -> bool:
    """Whether every node of the group reads the kinds of commands that came with version ``since``: a node that meets
    one it cannot read stops applying. For what is proposed without anybody asking for it."""
    return get_config().command_version >= since


def first_answer(request_id: str, asked: bytes) -> Done | None:
    """What `propose` answered when this request was applied, as far as this node has applied; None: it was not.

    Raises what `propose` would.
    """
    known = AppliedRequest.objects.filter(request_id=request_id).values_list("fingerprint", "result").first()
    if known is None:
        return None
    if bytes(known[0]) != asked:
        raise RequestConflict(request_id)
    return _settle(bytes(known[1]))


def _settle(answer: bytes) -> Done:
    result = decode_result(answer)
    if isinstance(result, Done):
        return result
    if result.code in _ERRORS_WITH_REVISION:
        raise _ERRORS_WITH_REVISION[result.code](result.detail, result.current_revision)
    error = _ERRORS.get(result.code, ProductError)(result.detail)
    error.code = result.code
    if result.reasons:
        error.errors = {error.reasons_field: list(result.reasons)}
    raise error
