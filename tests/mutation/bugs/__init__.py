"""All planted bugs, by what they are about."""

from tests.mutation.bugs import clients, founding, membership, reading, replicating, snapshots, verifying, votes

MUTANTS = (
    *votes.BUGS,
    *replicating.BUGS,
    *reading.BUGS,
    *clients.BUGS,
    *founding.BUGS,
    *membership.BUGS,
    *snapshots.BUGS,
    *verifying.BUGS,
)
