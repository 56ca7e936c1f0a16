"""What a leader knows of one follower, and how fast it may send (P 5.3; T 10.2.1, 10.2.2).

*Probing*: the leader does not know where the logs agree: one empty append at a time, repeated once a heartbeat.
*Streaming*: appends follow each other without waiting, up to a window of messages in flight. A refusal, which means
that something got lost, goes back to probing.
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """``match`` never goes back in a term; ``next`` is always above it."""

    next: int
    heard_ms: int
    match: int = 0
    streaming: bool = False
    probe_sent: bool = False
    sent_commit: int = 0
    # A client of this follower waits for entries up to here: tell it of their commitment without delay.
    awaited: int = 0
    acked_round: int = 0
    in_flight: deque[int] = field(default_factory=deque)

    def acknowledge(self, match: int) -> None:
        """The follower's log agrees with the leader's up to ``match``. Delayed and doubled replies change nothing."""
        self.match = max(self.match, match)
        self.next = max(self.next, self.match + 1)
        while self.in_flight and self.in_flight[0] <= self.match:
            self.in_flight.popleft()
        self.streaming = True
        self.probe_sent = False

    def refuse(self, prev_index: int, candidate: int) -> bool:
        """The follower lacks ``prev_index``; ``candidate`` is the highest index that may agree.

        Returns whether this was news: a refusal of something already settled, or of an older probe, is not.
        """
        if prev_index <= self.match or (not self.streaming and prev_index != self.next - 1):
            return False
        self.next = max(self.match + 1, min(prev_index, candidate + 1))
        self.streaming = False
        self.probe_sent = False
        self.in_flight.clear()
        return True
