"""Which entries are secrets, as of now and not only of what this node has applied so far.

A value that is written without a type is sealed by the proposer if its entry is a secret. A node that has not heard yet
that it became one would put the value into the log in clear, where it stays until the log is trimmed. So the group is
asked first, but only about namespaces that hold secrets here: a namespace's first one may be unknown to a node for as
long as that node is behind.
"""

from django.utils.crypto import salted_hmac

from config_service.entries import selectors
from config_service.entries.tables import Key
from consensus import reads


def hidden(value_json: str) -> str:
    """What stands for a value where requests are compared: the same whether or not its entry is a secret by now, and
    nothing to guess a secret from."""
    return salted_hmac("config_service.entries.asked", value_json, algorithm="sha256").hexdigest()


def is_secret(namespace: str, key: str) -> bool:
    """`secrets_among` for one entry, at the cost of one look where the namespace holds none."""
    secret, others = selectors.secrecy_of(namespace, key)
    if not secret and others:
        reads.catch_up()
        secret, _ = selectors.secrecy_of(namespace, key)
    return secret


def secrets_among(keys: set[Key]) -> set[Key]:
    """Those of ``keys`` that are secrets."""
    found = selectors.secrets_among(keys)
    doubtful = keys - found
    if doubtful and selectors.hold_secrets({namespace for namespace, _ in doubtful}):
        reads.catch_up()
        found = selectors.secrets_among(keys)
    return found
