"""A refusal is not told before this node has caught up: a grant or a token may have been made on another one just now.

Only refusals wait for the group, shortly, and few at a time: whoever may do what they ask pays nothing, and strangers
cannot keep this process waiting.
"""

import threading

from rest_framework.request import Request

from config_service.accounts.selectors import accounts_revision
from consensus import reads
from consensus.errors import ConsensusError

WAIT_S = 1.0
MOST_WAITING = 4

_places = threading.BoundedSemaphore(MOST_WAITING)


def worthwhile(request: Request) -> bool:
    """Whether anything about accounts was new to this node. Waits for it, but not for a caller who will have stale
    answers; without a leader, or with too many waiting already, what is known here has to do."""
    if request.query_params.get("consistency") == "stale" or not _places.acquire(blocking=False):
        return False
    try:
        before = accounts_revision()
        reads.catch_up(WAIT_S)
        return accounts_revision() != before
    except ConsensusError:
        return False
    finally:
        _places.release()
