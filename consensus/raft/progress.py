"""What a leader knows of one follower, and how fast it may send (P 5.3; T 10.2.1, 10.2.2).

*Probing*: the leader does not know where the logs agree: one empty append at a time, repeated once a heartbeat.
*Streaming*: appends follow each other without waiting, up to a window of messages and bytes in flight. A refusal,
which means that something got lost, goes back to probing.
*Snapshot*: what the follower needs next is gone from the log; it gets an image of the state instead (P 7). Until it
acknowledges the entry that the image ends with, it is sent heartbeats only.
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
    needs_snapshot: bool = False
    # It asked for an image itself, though its log may hold everything: only the end of the transfer ends that.
    asked_for_it: bool = False
    # It does not belong to the group any more since this index, and is served until it knows; 0: it belongs.
    leaving_index: int = 0
    # (last index, bytes of data) of each append that is not acknowledged yet.
    in_flight: deque[tuple[int, int]] = field(default_factory=deque)
    in_flight_bytes: int = 0

    def sent(self, last_index: int, size: int) -> None:
        """An append with entries up to ``last_index`` is on its way."""
        self.next = last_index + 1
        self.in_flight.append((last_index, size))
        self.in_flight_bytes += size

    def _drop_flight(self) -> None:
        self.in_flight.clear()
        self.in_flight_bytes = 0

    def acknowledge(self, match: int) -> None:
        """The follower's log agrees with the leader's up to ``match``. Delayed and doubled replies change nothing."""
        self.match = max(self.match, match)
        if self.needs_snapshot and (self.asked_for_it or self.match < self.next - 1):
            return
        self.next = max(self.next, self.match + 1)
        while self.in_flight and self.in_flight[0][0] <= self.match:
            self.in_flight_bytes -= self.in_flight.popleft()[1]
        self.streaming = True
        self.probe_sent = False
        self.needs_snapshot = False

    def refuse(self, prev_index: int, candidate: int) -> bool:
        """The follower lacks ``prev_index``; ``candidate`` is the highest index that may agree.

        Returns whether this was news: a refusal of something already settled, or of an older probe, is not.
        """
        if self.needs_snapshot:
            return False
        if prev_index <= self.match or (not self.streaming and prev_index != self.next - 1):
            return False
        self.next = max(self.match + 1, min(prev_index, candidate + 1))
        self.streaming = False
        self.probe_sent = False
        self._drop_flight()
        return True

    def await_snapshot(self, base_index: int) -> None:
        """What it needs is gone: the log begins after ``base_index``, so an image has to bring it there."""
        self.needs_snapshot = True
        self.streaming = False
        self.next = base_index + 1
        self._drop_flight()

    def probe(self) -> None:
        """Find out anew where it stands, beginning with what it is known to hold."""
        self.needs_snapshot = self.asked_for_it = self.streaming = self.probe_sent = False
        self.next = self.match + 1
        self._drop_flight()
