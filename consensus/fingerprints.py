"""Telling a retry from a reuse: two proposals with one request id mean the same if their fingerprints are equal."""

from hashlib import blake2b


def fingerprint(content: bytes) -> bytes:
    """16 bytes of BLAKE2b over what the proposal asks for."""
    return blake2b(content, digest_size=16).digest()
