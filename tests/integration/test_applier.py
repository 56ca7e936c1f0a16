"""Applying: exactly once, all or nothing, the first answer again (R44, R45; rules 3 to 5 and 9 of the design)."""

import pytest
from django.db import connection

from consensus import membership_rows
from consensus.applier import REQUEST_WINDOW, DatabaseApplier
from consensus.errors import UnknownVersion
from consensus.fingerprints import fingerprint
from consensus.group_commands import SetNodeState, decode_group_result, encode_group_command
from consensus.models import AppliedRequest, AppliedState, Member
from consensus.origin import Origin
from consensus.ports import GroupChange
from consensus.raft.membership import encode as encode_membership
from consensus.raft.messages import Entry, EntryKind, Identity, Membership
from consensus.sql import raw_connection
from consensus.wire import PROPOSAL_VERSION, Change, ChangeNote, Proposal, encode

pytestmark = pytest.mark.django_db(transaction=True)
MEMBERS = ("n1", "n2", "n3")


class Counter:
    """A state machine that counts, and fails when told to."""

    tables = ()

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.resets = 0
        self.group_changes: list[GroupChange] = []
        self.failure: Exception | None = None

    def apply(self, commands, group_changes=()):
        if self.failure is not None:
            raise self.failure
        self.group_changes += group_changes
        self.seen += [command.payload for command in commands]
        return [b"%d" % (len(self.seen) - len(commands) + i + 1) for i, _ in enumerate(commands)]

    def reset(self) -> None:
        self.resets += 1


def command(index: int, request_id: str, payload: bytes = b"x", version: int = PROPOSAL_VERSION) -> Entry:
    proposal = Proposal(version, request_id, fingerprint(payload), payload)
    return Entry(index, 1, EntryKind.COMMAND, encode(proposal))


def noop(index: int) -> Entry:
    return Entry(index, 1, EntryKind.NOOP, b"")


@pytest.fixture
def machine() -> Counter:
    return Counter()


@pytest.fixture
def applier(machine: Counter) -> DatabaseApplier:
    membership_rows.write(raw_connection(), Membership(MEMBERS))
    return DatabaseApplier(machine)


def membership(index: int, *voters: str, learners: tuple[str, ...] = (), note: bytes = b"") -> Entry:
    identities = {node: Identity(f"of {node}", f"redis://{node}") for node in (*voters, *learners)}
    return Entry(
        index, 1, EntryKind.MEMBERSHIP, encode_membership(Membership(voters, learners, (), identities, note=note))
    )


def test_the_members_are_those_of_the_last_membership(applier: DatabaseApplier, machine: Counter) -> None:
    note = encode(ChangeNote(Change.ADD, "n4", "admin", "2026-01-01T00:00:00Z", Origin("rest")))
    applier.apply([membership(1, "n1", "n2", "n3", learners=("n4",), note=note), membership(2, "n1", "n3", "n4")])
    rows = {member.node: (member.voter, member.state, member.address) for member in Member.objects.all()}
    assert rows == {node: (True, "active", f"redis://{node}") for node in ("n1", "n3", "n4")}
    (change,) = machine.group_changes
    assert (change.index, change.action, change.node, change.actor) == (1, "group.add", "n4", "admin")


def test_what_concerns_the_group_is_applied_in_the_order_of_the_log(applier: DatabaseApplier) -> None:
    drain = SetNodeState("n3", "draining", ("active",), "admin", 2)
    (outcome,) = applier.apply(
        [Entry(1, 1, EntryKind.GROUP, encode_group_command("d", drain)), membership(2, "n1", "n2")]
    )
    assert decode_group_result(outcome.result).state == "draining"
    assert [member.node for member in Member.objects.all()] == ["n1", "n2"]


def test_tables_that_were_replaced_are_looked_at_anew(applier: DatabaseApplier) -> None:
    applier.apply([command(1, "a")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE consensus_appliedstate SET index = 9; DELETE FROM consensus_appliedrequest")
    applier.reload()
    assert applier.applied_index() == 9
    (outcome,) = applier.apply([command(10, "a")])
    assert outcome.index == 10


def test_a_batch_is_applied_and_remembered(applier: DatabaseApplier, machine: Counter) -> None:
    outcomes = applier.apply([noop(1), command(2, "a"), command(3, "b")])
    assert [(outcome.index, outcome.request_id, outcome.result) for outcome in outcomes] == [
        (2, "a", b"1"),
        (3, "b", b"2"),
    ]
    assert applier.applied_index() == AppliedState.objects.get().index == 3
    assert DatabaseApplier(machine).applied_index() == 3


@pytest.mark.parametrize("restart", [False, True], ids=["same life", "after a restart"])
def test_r44_a_retry_changes_nothing_and_gets_the_first_answer(applier, machine: Counter, restart: bool) -> None:
    (first,) = applier.apply([command(1, "a")])
    if restart:
        applier = DatabaseApplier(machine)
    (again,) = applier.apply([command(2, "a")])
    assert (again.index, again.result) == (first.index, first.result) == (1, b"1")
    assert machine.seen == [b"x"]


def test_twice_in_one_batch_is_once(applier: DatabaseApplier, machine: Counter) -> None:
    outcomes = applier.apply([command(1, "a"), command(2, "a")])
    assert [outcome.index for outcome in outcomes] == [1, 1] and machine.seen == [b"x"]


def test_the_same_id_for_another_command_is_a_conflict(applier: DatabaseApplier, machine: Counter) -> None:
    applier.apply([command(1, "a")])
    (outcome,) = applier.apply([command(2, "a", b"y")])
    assert outcome.conflict and machine.seen == [b"x"]


def test_the_window_is_counted_in_log_entries(applier: DatabaseApplier, machine: Counter) -> None:
    applier.apply([command(1, "a")])
    for index in (REQUEST_WINDOW, REQUEST_WINDOW + 2):
        AppliedState.objects.update(index=index - 1)
        applier = DatabaseApplier(machine)
        applier.apply([command(index, "a")])
    assert machine.seen == [b"x", b"x"], "within the window once, beyond it again"


def test_r45_a_failure_leaves_nothing_behind(applier: DatabaseApplier, machine: Counter) -> None:
    machine.failure = RuntimeError("in the middle")
    with pytest.raises(RuntimeError):
        applier.apply([command(1, "a")])
    assert AppliedState.objects.get().index == 0 and not AppliedRequest.objects.exists()
    machine.failure = None
    assert applier.apply([command(1, "a")])[0].result == b"1"


def test_two_appliers_of_one_node_cannot_both_apply(applier: DatabaseApplier, machine: Counter) -> None:
    other = DatabaseApplier(machine)
    applier.apply([command(1, "a")])
    with pytest.raises(Exception, match="division by zero"):
        other.apply([command(1, "b")])
    assert list(AppliedRequest.objects.values_list("request_id", flat=True)) == ["a"]


@pytest.mark.parametrize(
    "entry",
    [command(1, "a", version=99), Entry(1, 1, 7, command(1, "a").data), Entry(1, 1, EntryKind.COMMAND, b"rubbish")],
    ids=["version", "kind", "rubbish"],
)
def test_what_is_not_known_is_never_guessed(applier: DatabaseApplier, entry: Entry) -> None:
    with pytest.raises(UnknownVersion):
        applier.apply([entry])
    assert AppliedState.objects.get().index == 0


def drain(index: int, node: str, state: str = "draining", when: tuple[str, ...] = ("active",)) -> Entry:
    request_id = f"{state}-{node}-{index}"
    data = encode_group_command(request_id, SetNodeState(node, state, when, "me"))
    return Entry(index, 1, EntryKind.GROUP, data)


def test_two_of_three_nodes_cannot_both_be_drained(applier: DatabaseApplier) -> None:
    results = [decode_group_result(outcome.result) for outcome in applier.apply([drain(1, "n1"), drain(2, "n2")])]
    assert results[0].state == "draining" and not results[0].refused
    assert results[1].state == "active" and "fewer than the 2" in results[1].refused
    assert applier.node_state("n1") == ("draining", 1) and applier.node_state("n2") == ("active", 0)


def test_n10_every_step_of_a_drain_can_be_repeated(applier: DatabaseApplier) -> None:
    applier.apply([drain(1, "n1"), drain(2, "n1")])
    applier.apply([drain(3, "n1", "drained", ("draining",)), drain(4, "n1", "drained", ("draining",))])
    assert applier.node_state("n1") == ("drained", 3)
    applier.apply([drain(5, "n1", "active", ("draining", "drained"))])
    assert Member.objects.get(node="n1").state == "active"
    (stale,) = applier.apply([drain(6, "n1", "drained", ("draining",))])
    assert decode_group_result(stale.result).refused == "n1 is active"


def test_an_unknown_node_is_refused(applier: DatabaseApplier) -> None:
    (outcome,) = applier.apply([drain(1, "n9")])
    assert "no node n9" in decode_group_result(outcome.result).refused


def test_the_state_machine_hears_what_was_changed_about_the_group(applier: DatabaseApplier, machine: Counter) -> None:
    origin = Origin("admin", "192.0.2.7")
    asked = SetNodeState("n1", "draining", ("active",), "ann", 2, "2026-05-04T03:02:01.000100Z", origin)
    applier.apply([Entry(1, 1, EntryKind.GROUP, encode_group_command("a", asked)), drain(2, "n1"), drain(3, "n9")])
    assert machine.group_changes == [GroupChange(1, "a", "group.draining", "n1", "ann", asked.at, origin)]
