"""The one way from a use case to the group: wrap the command, propose it, turn a refusal into an error."""

from uuid import uuid4

from config_service.envelope import CommandBase, Done, decode_result, encode, fingerprint
from config_service.errors import (
    AlreadyExists,
    Compacted,
    FutureRevision,
    Invalid,
    NotEmpty,
    NotFound,
    PreconditionFailed,
    ProductError,
    TooLarge,
    TypeMismatch,
)
from consensus import client as consensus_client
from consensus import origin
from consensus.conf import get_config
from consensus.services import now

_ERRORS: dict[str, type[ProductError]] = {
    error.code: error for error in (AlreadyExists, Invalid, NotEmpty, NotFound, TooLarge, TypeMismatch)
} | {"namespace_not_found": NotFound}
_ERRORS_WITH_REVISION = {error.code: error for error in (Compacted, FutureRevision, PreconditionFailed)}


def propose(command: CommandBase, actor: str, request_id: str = "", deadline_s: float | None = None) -> Done:
    """Propose and wait until it is applied here. Raises what `consensus.client.Client.propose` raises, and
    `config_service.errors.ProductError` where the state machine refused."""
    applied = consensus_client.get_client().propose(
        encode(command, actor, now(), origin.current(), get_config().command_version),
        request_id or uuid4().hex,
        deadline_s,
        fingerprint=fingerprint(command, actor),
    )
    result = decode_result(applied.result)
    if isinstance(result, Done):
        return result
    if result.code in _ERRORS_WITH_REVISION:
        raise _ERRORS_WITH_REVISION[result.code](result.detail, result.current_revision)
    error = _ERRORS.get(result.code, ProductError)(result.detail)
    error.code = result.code
    raise error
