"""How long closed change sets are kept. For the leader's scheduled task; what the rule means is `trimming`'s."""

from config_service.changesets.commands import TrimChangeSets
from config_service.errors import Invalid
from config_service.proposing import all_read, propose

AT_ONCE = 100
# The version of commands by which the group can read this one.
TRIM_SINCE = 2


def trim_closed(actor: str, keep_closed: int, keep_days: float) -> int:
    """Forget the closed change sets that the rule allows to forget, at most a piece of them. Returns how many went:
    after 0 there are none left. Raises `Invalid` for a rule that makes no sense."""
    if keep_closed < 0 or keep_days < 0:
        raise Invalid("no negative number of closed change sets or of days can be kept")
    if not all_read(TRIM_SINCE):
        return 0
    return propose(TrimChangeSets(keep_closed, int(keep_days * 86_400), AT_ONCE), actor).changed
