"""The members as rows of `consensus.models.Member`: what the last applied membership says of them."""

from typing import Any, Protocol

from consensus.raft.messages import Identity, Membership

PUT = """
INSERT INTO consensus_member (node, state, state_revision, voter, incarnation, address)
VALUES (%s, 'active', 0, %s, %s, %s)
ON CONFLICT (node) DO UPDATE SET voter = excluded.voter, incarnation = excluded.incarnation, address = excluded.address
"""
DROP = "DELETE FROM consensus_member WHERE NOT node = ANY(%s)"
UNKNOWN = Identity("", "")


class Executes(Protocol):
    """A psycopg connection or cursor."""

    def execute(self, query: str, params: Any = None) -> Any: ...


def write(connection: Executes, membership: Membership) -> None:
    """Who came is active; who left is gone; whether the others are drained is their own row's matter."""
    for node in sorted(membership.everybody):
        identity = membership.identities.get(node, UNKNOWN)
        connection.execute(PUT, (node, membership.is_voter(node), identity.incarnation, identity.address))
    connection.execute(DROP, (sorted(membership.everybody),))
