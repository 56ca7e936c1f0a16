"""Sealing a secret, so that log, snapshots, history, exports and backups never hold it, and opening it again.

AES-256-GCM. Namespace and key are bound in as associated data: a sealed value that somebody moves to another entry, to
read it there, does not open. Rolling an entry back keeps its name, so what history holds opens; a copy under another
name has to be opened and sealed anew by somebody who may reveal it.

The nonce is derived from the request id, the entry's name and the value with a key of its own (a synthetic nonce, as in
RFC 8452). So a retry of a request seals to the same bytes and has the same fingerprint, while the same value in another
request or entry looks unrelated.
"""

import base64
import binascii
from hashlib import blake2b

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config_service.errors import Invalid, ProductError
from config_service.sealing.keys import SecretKey, configured

VERSION = 1
NONCE_BYTES = 12


class SealingUnavailable(ProductError):
    """This node has no key, or not the one that is needed."""

    code = "secrets_unavailable"


class SealBroken(ProductError):
    """The sealed value was damaged, or belongs to another entry."""

    code = "seal_broken"


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stored as the value of a secret. ``nonce`` and ``data`` (with the tag at its end) are in base64."""

    sealed: int
    key_id: str
    nonce: str
    data: str


_decoder = msgspec.json.Decoder(Sealed)
_encode = msgspec.json.Encoder().encode
_encode_parts = msgspec.msgpack.Encoder().encode


def seal(namespace: str, key: str, value_json: str, request_id: str) -> str:
    """The JSON text to store for the JSON text ``value_json``. Raises `SealingUnavailable`."""
    keys = configured()
    if not keys:
        raise SealingUnavailable("secrets cannot be written: the setting SECRET_KEYS holds no key on this node")
    secret, plain = keys[0], value_json.encode()
    nonce = _nonce(secret, request_id, namespace, key, plain)
    data = AESGCM(secret.key).encrypt(nonce, plain, _bound_to(namespace, key))
    return _encode(Sealed(VERSION, secret.id, _text(nonce), _text(data))).decode()


def open_sealed(namespace: str, key: str, sealed_json: str) -> str:
    """The JSON text that was sealed for this entry. Raises `SealingUnavailable` or `SealBroken`."""
    sealed = parse(sealed_json)
    secret = next((one for one in configured() if one.id == sealed.key_id), None)
    if secret is None:
        raise SealingUnavailable(f"the setting SECRET_KEYS on this node does not hold the key {sealed.key_id!r}")
    try:
        nonce, data = (base64.b64decode(part, validate=True) for part in (sealed.nonce, sealed.data))
        return AESGCM(secret.key).decrypt(nonce, data, _bound_to(namespace, key)).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise SealBroken(f"the secret {namespace}/{key} cannot be opened: damaged, or of another entry") from None


def parse(sealed_json: str) -> Sealed:
    """Raises `SealBroken` where this is no sealed value."""
    try:
        sealed = _decoder.decode(sealed_json)
    except msgspec.DecodeError:
        raise SealBroken("this is not a sealed value") from None
    if sealed.sealed != VERSION:
        raise SealBroken(f"a sealed value of version {sealed.sealed}, but this release knows {VERSION}")
    return sealed


def check_sealed(namespace: str, key: str, sealed_json: str) -> str:
    """For what comes sealed already, such as an export: it must open for this entry, or it would be lost."""
    try:
        open_sealed(namespace, key, sealed_json)
    except SealBroken as error:
        raise Invalid.field("value", error.detail) from None
    return sealed_json


def newest_key_id() -> str:
    """The id of the key that seals now; "" where there is none."""
    keys = configured()
    return keys[0].id if keys else ""


def _nonce(secret: SecretKey, request_id: str, namespace: str, key: str, plain: bytes) -> bytes:
    parts = _encode_parts((request_id, namespace, key, plain))
    return blake2b(parts, key=secret.nonces, digest_size=NONCE_BYTES).digest()


def _bound_to(namespace: str, key: str) -> bytes:
    return _encode_parts(("config-service secret", VERSION, namespace, key))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
