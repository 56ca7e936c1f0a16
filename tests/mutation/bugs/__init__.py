"""All planted bugs, by what they are about."""

from tests.mutation.bugs import (
    admitting,
    clients,
    founding,
    membership,
    reading,
    replicating,
    snapshots,
    verifying,
    votes,
)

MUTANTS = (
    *votes.BUGS,
    *replicating.BUGS,
    *reading.BUGS,
    *clients.BUGS,
    *founding.BUGS,
    *membership.BUGS,
    *admitting.BUGS,
    *snapshots.BUGS,
    *verifying.BUGS,
)
