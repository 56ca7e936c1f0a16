"""What a node's disk, tables and line share: power, which can fail at any operation, and time, which they use up."""


class Crash(Exception):
    """The machine lost power in the middle of a step."""


class Power:
    """``operations_left`` counts down to a failure; 0: no failure is coming.

    ``used_ms`` is how long the operations of the present turn have taken so far. So what a leader sends before its
    disk is done leaves earlier than what it sends afterwards.
    """

    def __init__(self) -> None:
        self.operations_left = 0
        self.used_ms = 0.0

    def operate(self) -> None:
        """One operation: a write (before it takes effect, and after), a message, an applied batch, an answer."""
        if self.operations_left:
            self.operations_left -= 1
            if not self.operations_left:
                raise Crash
