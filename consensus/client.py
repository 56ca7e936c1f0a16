"""Talk to this node's runtime from any of the node's processes (web, command line, benchmark).

Requests go to the runtime's list in the node's own Redis, answers come back on a list of this process. Whatever is
submitted while another thread is sending travels with the next push, so that callers who wait together travel
together. All waiting ends: at the deadline the runtime answers, and shortly after it this side stops waiting.
"""

import contextlib
import itertools
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

import redis

from consensus import keys
from consensus.conf import NodeConfig, get_config
from consensus.errors import ConsensusError, DeadlineExceeded, NoLeader, NoMajority, OutcomeUnknown, from_status
from consensus.fingerprints import fingerprint as fingerprint_of
from consensus.load import Load, Meter
from consensus.raft.messages import EntryKind
from consensus.redis_io import REPLY_TIMEOUT_S, Link
from consensus.request_sender import RequestSender
from consensus.requests import (
    Answer,
    ChangeRequest,
    LoadNote,
    ProposeRequest,
    ReadRequest,
    RebuildRequest,
    RegisterNames,
    RegisterNamesRequest,
    RegisterNews,
    RegisterNewsRequest,
    RegisterOutcome,
    RegisterRequest,
    Request,
    RestoreRequest,
    TransferRequest,
    WaitRequest,
    answers_decoder,
    register_names_decoder,
    register_news_decoder,
    register_outcome_decoder,
)
from consensus.wire import PROPOSAL_VERSION, ChangeNote, Proposal, encode

BLOCK_S = 1
GRACE_S = 0.5
# Of one request; another one, sent before it for the same, may have been taken.
REFUSALS = frozenset(("no_leader", "no_majority", "overloaded", "diverged", "refused"))
SILENT_RUNTIME = "this node's runtime does not answer"


@dataclass(frozen=True, slots=True)
class Applied:
    """A proposal that is applied on this node. ``index`` is its revision, ``result`` what the state machine said."""

    index: int
    result: bytes


@dataclass(slots=True)
class _Call:
    future: Future
    # What its caller hears where no answer comes.
    late: ConsensusError
    request_id: str
    began_s: float
    until_s: float
    # Sent more than once: a refusal is of one of them only.
    again: bool = False


class Client:
    """Thread-safe. One a process: `get_client`."""

    def __init__(self, config: NodeConfig):
        self._config = config
        self._answers_key = keys.answers(config.group, config.node, f"{os.getpid()}-{uuid.uuid4().hex[:12]}")
        self._tokens = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._outgoing: deque[Request] = deque()
        self._sending = threading.Lock()
        # The greatest index that this node is known, in this process, to have applied.
        self.applied_index = 0
        self._noting = threading.Lock()
        self.meter = Meter()
        self._sender = RequestSender(config, self)
        self._receiver = threading.Thread(target=self._receive_forever, name="consensus-answers", daemon=True)
        self._receiver.start()

    # --- what callers use ------------------------------------------------------------------------------------------
    def submit(
        self,
        payload: bytes,
        request_id: str,
        deadline_s: float | None = None,
        fingerprint: bytes = b"",
        kind: EntryKind = EntryKind.COMMAND,
    ) -> "Future[Applied]":
        """Propose without waiting. The future ends as `propose` does.

        ``fingerprint`` tells a retry of ``request_id`` from its reuse for something else; by default it is taken of
        the payload.
        """
        return self._submit_proposal(payload, request_id, deadline_s, fingerprint, kind).future

    def propose(
        self,
        payload: bytes,
        request_id: str,
        deadline_s: float | None = None,
        fingerprint: bytes = b"",
        kind: EntryKind = EntryKind.COMMAND,
    ) -> Applied:
        """Propose a command and wait until it is applied on this node.

        Raises `NoLeader`, `Overloaded`, `Diverged`, `RequestConflict` (nothing changed) or `OutcomeUnknown`.
        """
        return self._wait(self._submit_proposal(payload, request_id, deadline_s, fingerprint, kind))

    def read_index(self, deadline_s: float | None = None) -> int:
        """Wait until this node has applied all that was committed when this was called (Raft thesis 6.4).

        What is read from this node's database afterwards is linearizable where the database has lost nothing since:
        `reads.catch_up` makes sure of that. Raises `NoLeader`, `Diverged`, `DeadlineExceeded`.
        """
        return self._ask(ReadRequest, (), deadline_s, NoLeader(SILENT_RUNTIME)).index

    def submit_read(self, deadline_s: float | None = None) -> "Future[Applied]":
        """Begin a `read_index` without waiting for its end."""
        return self._submit(ReadRequest, (), deadline_s, NoLeader(SILENT_RUNTIME)).future

    def note_applied(self, index: int) -> None:
        """Somebody was told what this node's tables hold at ``index``."""
        if index > self.applied_index:
            with self._noting:
                self.applied_index = max(self.applied_index, index)

    def wait_applied(self, index: int, deadline_s: float | None = None) -> int:
        """Wait until this node's runtime has applied ``index``; see `reads.reach`. Raises `DeadlineExceeded`."""
        late = DeadlineExceeded(f"this node has not applied revision {index} in time")
        return self._ask(WaitRequest, (index,), deadline_s, late).index

    def transfer_leadership(self, to: str = "", deadline_s: float | None = None) -> str:
        """Ask the leader to hand over to ``to`` ("": its choice); returns the new leader. `DeadlineExceeded`."""
        late = DeadlineExceeded("leadership has not moved in time")
        return self._ask(TransferRequest, (to,), deadline_s, late).result.decode()

    def change_membership(self, note: ChangeNote, deadline_s: float | None = None) -> int:
        """Ask the leader for a change; returns the index of its first step, 0 if it is so already.

        Raises `Refused`, `NoLeader`, or `DeadlineExceeded` when it is not known whether it has begun.
        """
        late = DeadlineExceeded("it is not known whether the change of the membership has begun")
        return self._ask(ChangeRequest, (note,), deadline_s, late).index

    def rebuild(self, deadline_s: float | None = None) -> None:
        """Have this node's tables replaced by an image of the leader's. Returns when that has begun.

        Raises `DeadlineExceeded` when it is not known whether it has.
        """
        late = DeadlineExceeded("it is not known whether the rebuilding has begun")
        self._ask(RebuildRequest, (), deadline_s, late)

    def tell_load(self, load: Load) -> None:
        """Tell the runtime what this process has to do."""
        self._outgoing.append(LoadNote(self._answers_key, 0, 0, load))
        self._flush()

    def restore(
        self, index: int, above: int, size: int, digest: bytes, offset: int, data: bytes, deadline_s: float
    ) -> tuple[int, int]:
        """Hand the runtime a piece of a snapshot (restore.py); returns (next byte wanted, index of the log's new
        beginning, 0 until all is done). Raises `Refused`, `NoLeader` or `DeadlineExceeded`."""
        late = DeadlineExceeded("it is not known whether the snapshot was restored: look at the group")
        done = self._ask(RestoreRequest, (index, above, size, digest, offset, data), deadline_s, late)
        return int(done.result), done.index

    # --- registers, which need no leader -----------------------------------------------------------------------------
    def change_register(
        self, name: str, command: bytes, request_id: str, fingerprint: bytes, deadline_s: float | None = None
    ) -> RegisterOutcome:
        """Change a register and wait until that is chosen. The outcome may be a conflict, or that it is too large.

        Raises `NoLeader`, `NoMajority`, `Overloaded`, `Refused`, `RequestConflict` (nothing changed) or
        `OutcomeUnknown`: then ask again with the same ``request_id``.
        """
        asked = name, request_id, fingerprint, command
        answer = self._ask(RegisterRequest, asked, deadline_s, OutcomeUnknown(request_id), request_id)
        return register_outcome_decoder.decode(answer.result)

    def read_register(self, name: str, deadline_s: float | None = None) -> RegisterOutcome:
        """Read a register linearizably. Raises `NoLeader`, `NoMajority`, `Overloaded`, `Refused`."""
        return self.read_registers([name], deadline_s)[0]

    def read_registers(self, names: Sequence[str], deadline_s: float | None = None) -> list[RegisterOutcome]:
        """Each of them linearizably, all at once."""
        calls = [self._submit(RegisterRequest, (name, "", b"", b""), deadline_s, NoMajority()) for name in names]
        return [register_outcome_decoder.decode(self._wait(call).result) for call in calls]

    def register_names(self, after: str = "", deadline_s: float | None = None) -> RegisterNames:
        """A page of all registers' names after ``after``, deleted ones among them. Raises as `read_register`."""
        answer = self._ask(RegisterNamesRequest, (after,), deadline_s, NoMajority())
        return register_names_decoder.decode(answer.result)

    def register_news(self, life: int, position: int, wait_s: float) -> RegisterNews:
        """What this node has learned after ``position`` of its ``life`` (0, 0: all); waits for it. `NoLeader`."""
        answer = self._ask(RegisterNewsRequest, (life, position), wait_s, NoLeader(SILENT_RUNTIME))
        return register_news_decoder.decode(answer.result)

    # --- sending ---------------------------------------------------------------------------------------------------
    def _submit_proposal(
        self, payload: bytes, request_id: str, deadline_s: float | None, fingerprint: bytes, kind: EntryKind
    ) -> _Call:
        proposal = Proposal(PROPOSAL_VERSION, request_id, fingerprint or fingerprint_of(payload), payload)
        asked = request_id, int(kind), encode(proposal)
        return self._submit(ProposeRequest, asked, deadline_s, OutcomeUnknown(request_id), request_id)

    def _ask(
        self,
        kind: Callable[..., Request],
        asked: tuple,
        deadline_s: float | None,
        late: ConsensusError,
        request_id: str = "",
    ) -> Applied:
        return self._wait(self._submit(kind, asked, deadline_s, late, request_id))

    def _submit(
        self,
        kind: Callable[..., Request],
        asked: tuple,
        deadline_s: float | None,
        late: ConsensusError,
        request_id: str = "",
    ) -> _Call:
        """``asked`` is what a request of this ``kind`` holds besides what each holds; see `_Call` for the rest."""
        seconds = self._config.deadline_s if deadline_s is None else deadline_s
        now_s, token = time.monotonic(), next(self._tokens)
        call = self._calls[token] = _Call(Future(), late, request_id, now_s, now_s + seconds + GRACE_S)
        self._outgoing.append(kind(self._answers_key, token, int(seconds * 1000), *asked))
        self._flush()
        return call

    def _flush(self) -> None:
        """Whoever holds the lock sends for all; what is appended after its last look is seen by its next one."""
        while self._outgoing and self._sending.acquire(blocking=False):
            try:
                self._send_waiting()
            finally:
                self._sending.release()

    def _send_waiting(self) -> None:
        batch: list[Request] = []
        with contextlib.suppress(IndexError):
            while len(batch) < 256:
                batch.append(self._outgoing.popleft())
        if batch:
            self._sender.send(batch)

    def _look_after_sending(self, late: bool = False) -> None:
        """Take what Redis said to what was sent; ``late``: an answer is late, which may be because Redis hangs."""
        if self._sending.acquire(blocking=False):
            try:
                if late:
                    self._sender.give_up_if_late()
                else:
                    self._sender.confirm()
            finally:
                self._sending.release()
        self._flush()

    # --- for the sender --------------------------------------------------------------------------------------------
    def exclusively(self, work: Callable[[], None]) -> None:
        with self._sending:
            work()
        self._flush()

    def still_wanted(self, requests: list[Request]) -> list[Request]:
        wanted = []
        for request in requests:
            call = self._calls.get(request.token)
            if call is not None:
                call.again = True
                wanted.append(request)
        return wanted

    def fail(self, requests: list[Request], reason: str, certain: bool) -> None:
        for request in requests:
            call = self._calls.pop(request.token, None)
            if call is not None:
                nothing_done = certain or isinstance(call.late, NoLeader)
                call.future.set_exception(NoLeader(reason) if nothing_done else call.late)

    # --- receiving -------------------------------------------------------------------------------------------------
    def _wait(self, call: _Call) -> Applied:
        while (left_s := call.until_s - time.monotonic()) > 0:
            with contextlib.suppress(FutureTimeoutError):
                return call.future.result(min(left_s, REPLY_TIMEOUT_S))
            self._look_after_sending(late=True)
        raise call.late

    def _receive_forever(self) -> None:
        receiver: Link | None = None
        swept_s = time.monotonic()
        while True:
            try:
                if receiver is None:
                    receiver = Link(self._config.redis_url, timeout_s=BLOCK_S + 1)
                    key = self._answers_key
                    take = receiver.pack(("BLPOP", key, BLOCK_S), ("LPOP", key, 256))
                first, rest = receiver.run_packed(take, 2)
                self._settle_all(([first[1]] if first else []) + (rest or []))
            except (redis.RedisError, OSError):
                if receiver is not None:
                    receiver.close()
                receiver = None
                threading.Event().wait(0.05)
            if time.monotonic() - swept_s > BLOCK_S:
                swept_s = time.monotonic()
                self._sweep(swept_s)
                self._look_after_sending(late=True)

    def _sweep(self, now_s: float) -> None:
        """End the calls whose answer will not come: the runtime died, or its answer was lost."""
        for token, call in list(self._calls.items()):
            if call.until_s < now_s and self._calls.pop(token, None) is not None:
                call.future.set_exception(call.late)

    def _settle_all(self, frames: list[bytes]) -> None:
        """Settle what came together; what the callers submit on hearing of it (by callbacks) leaves together."""
        held = self._sending.acquire(blocking=False)
        try:
            for raw in frames:
                for answer in answers_decoder.decode(raw):
                    self._settle(answer)
        finally:
            if held:
                self._sending.release()
        self._flush()

    def _settle(self, answer: Answer) -> None:
        call = self._calls.pop(answer.token, None)
        if call is None:
            return
        if answer.status == "ok":
            self.note_applied(answer.index)
            if call.request_id:
                self.meter.wrote(time.monotonic() - call.began_s)
            call.future.set_result(Applied(answer.index, answer.result))
        else:
            call.future.set_exception(_failure(call, answer))


def _failure(call: _Call, answer: Answer) -> ConsensusError:
    says_nothing = call.again and answer.status in REFUSALS and isinstance(call.late, OutcomeUnknown)
    if says_nothing or (answer.status == "deadline" and isinstance(call.late, DeadlineExceeded)):
        return call.late
    return from_status(answer.status, answer.result, call.request_id)


def new_request_id() -> str:
    """A request id that nobody else uses."""
    return uuid.uuid4().hex


_clients: dict[int, Client] = {}
_clients_lock = threading.Lock()


def get_client() -> Client:
    """This process's client; a forked child gets one of its own."""
    pid = os.getpid()
    with _clients_lock:
        if pid not in _clients:
            _clients.clear()
            _clients[pid] = Client(get_config())
        return _clients[pid]
