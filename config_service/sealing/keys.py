"""The keys that secrets are sealed with, from ``settings.SECRET_KEYS``: the same on every node.

    SECRET_KEYS=k2:BASE64,k1:BASE64

The first seals; all of them open. A new key is put in front on every node, `manage.py rotatesecrets` seals everything
anew, and then the old key can go, as soon as nobody needs the history that is sealed with it.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """``nonces`` is a second key, made of the first, that nonces are derived with (see sealing.py)."""

    id: str
    key: bytes
    nonces: bytes

    def __repr__(self) -> str:
        return f"SecretKey({self.id!r})"


def parse(text: str) -> tuple[SecretKey, ...]:
    """Raises `ImproperlyConfigured`, which never shows a key."""
    found: dict[str, SecretKey] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, separator, encoded = item.partition(":")
        if not separator or not _ID.fullmatch(name):
            raise ImproperlyConfigured(
                "SECRET_KEYS is a list such as k2:BASE64,k1:BASE64 with ids of 1 to 32 letters, digits, '.', '_', '-'"
            )
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured(f"the key {name!r} in SECRET_KEYS must be {KEY_BYTES} bytes in base64")
        if name in found:
            raise ImproperlyConfigured(f"the key id {name!r} occurs twice in SECRET_KEYS")
        found[name] = SecretKey(name, key, blake2b(b"nonces", key=key, digest_size=32).digest())
    return tuple(found.values())


@lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[SecretKey, ...]:
    return parse(text)


def configured() -> tuple[SecretKey, ...]:
    return _parsed(settings.SECRET_KEYS)


def new_key() -> str:
    """A new key as the setting takes it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
