"""What a transaction asks for and what it answers, as it travels. What it means is decided in `transactions`."""

import msgspec

# A value to compare with would be in the log in clear, and who may not see a secret could guess it.
SECRET_COMPARED = "the value of a secret is not compared: compare its revision or its version"


class Compare(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One condition on one entry: ``test`` is exists (``number`` 1 or 0), revision, version (both 0 where there is no
    entry) or value."""

    namespace: str
    key: str
    test: str
    number: int = 0
    value_json: str = ""


class Put(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag_field="op", tag="put"):
    namespace: str
    key: str
    value_json: str
    type: str
    type_given: bool = True
    comment: str = ""
    ttl_s: int = 0


class Delete(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag_field="op", tag="delete"):
    """No fault where there is nothing to delete."""

    namespace: str
    key: str


Operation = Put | Delete


class Edit(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What an import does with one entry, provided that it is still at ``expected_revision`` (0: there is none).

    ``operation`` is put, delete, or keep: the file says what is there already, which holds only while it is.
    """

    key: str
    expected_revision: int
    operation: str
    value_json: str = ""
    type: str = ""
    comment: str = ""
    expires_at: str = ""
