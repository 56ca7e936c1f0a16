"""A group of one in this process: proposals go straight to the state machine, in this database."""

import io
import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from urllib.error import HTTPError, URLError
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client as WebClient

from config_service import proposing
from config_service.accounts import services as accounts
from config_service.accounts.models import User
from config_service.accounts.remembered import remembered_tokens
from config_service.commandline import rest
from config_service.entries import services
from config_service.replicated import ReplicatedTables
from consensus import client as consensus_client
from consensus import services as consensus_services
from consensus.client import Applied
from consensus.conf import get_config
from consensus.errors import RequestConflict
from consensus.load import Load, Meter
from consensus.models import AppliedRequest, AppliedState, Member
from consensus.ports import Command
from consensus.services import GroupView, NodeView
from tests.support.registers import LocalRegisters


class DirectClient(LocalRegisters):
    """Answers as `consensus.client.Client` does. ``failure`` is raised instead, once, before anything is applied."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = ReplicatedTables()
        self.indexes = itertools.count(1)
        self.applied = 0
        self.failure: Exception | None = None
        self.proposed: list[bytes] = []
        self.meter = Meter()
        self.reads = 0

    def propose(self, payload: bytes, request_id: str, deadline_s: float | None = None, fingerprint: bytes = b""):
        self._fail()
        self.proposed.append(payload)
        known = AppliedRequest.objects.filter(pk=request_id).first()
        if known is not None:
            if bytes(known.fingerprint) != fingerprint:
                raise RequestConflict(request_id)
            return Applied(known.index, bytes(known.result))
        index = next(self.indexes)
        try:
            with transaction.atomic():
                (result,) = self.tables.apply([Command(index, request_id, payload)])
                AppliedRequest.objects.create(
                    request_id=request_id, index=index, fingerprint=fingerprint, result=result
                )
                AppliedState.objects.update_or_create(id=1, defaults={"index": index})
        except BaseException:
            self.tables.reset()
            raise
        self.applied = index
        return Applied(index, result)

    def read_index(self, deadline_s: float | None = None) -> int:
        self._fail()
        self.reads += 1
        return self.applied

    def wait_applied(self, index: int, deadline_s: float | None = None) -> int:
        self._fail()
        return self.applied

    @property
    def applied_index(self) -> int:
        return self.applied

    def submit_read(self, deadline_s: float | None = None) -> "Future[Applied]":
        future: Future[Applied] = Future()
        try:
            future.set_result(Applied(self.read_index(deadline_s), b""))
        except Exception as error:
            future.set_exception(error)
        return future

    def tell_load(self, load: Load) -> None:
        """There is no runtime to hear it."""

    def note_applied(self, index: int) -> None:
        """What is applied here is known without being told."""

    def _fail(self) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure


def group_view(**changes) -> GroupView:
    """Three healthy nodes; this one follows n2."""

    def node(name: str, role: str) -> NodeView:
        heard = 0 if name == "n1" else 40
        return NodeView(name, role, 3, 9, 9, 0, heard, True, "active", f"http://{name}.example.com", "")

    members = (node("n1", "follower"), node("n2", "leader"), node("n3", "follower"))
    view = {
        "group": "config", "node": "n1", "leader": "n2", "term": 3, "commit_index": 9, "applied_index": 9,
        "leader_heard_ms": 40, "quorum_size": 2, "failures_survivable": 1, "running": True, "members": members,
    }  # fmt: skip
    return GroupView(**view | changes)


class FakeGroup:
    """Stands in for `consensus.services`: what it is asked to do is in ``calls``; ``refusal`` is raised once."""

    def __init__(self) -> None:
        self.view = group_view()
        self.calls: list[tuple] = []
        self.refusal: Exception | None = None

    def record(self, *call: object) -> None:
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal
        self.calls.append(call)


@pytest.fixture(autouse=True)
def quick_hashes(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def other_accounts() -> None:
    """Revisions begin anew with every test."""
    remembered_tokens.forget()


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> FakeGroup:
    fake = FakeGroup()
    monkeypatch.setattr(consensus_services, "group_view", lambda: fake.view)
    monkeypatch.setattr(
        consensus_services, "drain", lambda node, actor, request_id="": fake.record("drain", node, actor)
    )
    monkeypatch.setattr(
        consensus_services, "undrain", lambda node, actor, request_id="": fake.record("undrain", node, actor)
    )
    monkeypatch.setattr(
        consensus_services, "add_node", lambda node, actor, learner=False: fake.record("add", node, actor, learner)
    )
    monkeypatch.setattr(consensus_services, "rebuild", lambda node: fake.record("rebuild", node))
    monkeypatch.setattr(consensus_services, "remove_node", lambda node, actor: fake.record("remove", node, actor))
    monkeypatch.setattr(consensus_services, "transfer_leadership", lambda to: fake.record("transfer", to))
    return fake


@pytest.fixture
def direct(db: None, group: FakeGroup, monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectClient]:
    client = DirectClient()
    monkeypatch.setattr(consensus_client, "get_client", lambda: client)
    AppliedState.objects.get_or_create(id=1)
    for node in ("n1", "n2", "n3"):
        Member.objects.get_or_create(node=node)
    yield client


@pytest.fixture
def old_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes of the release before belong to the group, so commands are written as those read them."""
    config = replace(get_config(), command_version=1)
    monkeypatch.setattr(proposing, "get_config", lambda: config)


@pytest.fixture
def root(direct: DirectClient) -> User:
    return User.objects.get(pk=accounts.create_superuser("test", "root", "correct horse"))


class Api:
    """A caller with a token. ``put("shop/entries/a", {...})`` speaks JSON below ``/api/v1/namespaces/``."""

    base = "/api/v1/"

    def __init__(self, token: str = ""):
        self.web = WebClient(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **headers: str):
        return self.web.get(self.base + path, headers=self.headers | _named(headers))

    def put(self, path: str, body: object, **headers: str):
        return self._send("put", path, body, headers)

    def post(self, path: str, body: object = None, **headers: str):
        return self._send("post", path, body, headers)

    def delete(self, path: str, **headers: str):
        return self.web.delete(self.base + path, headers=self.headers | _named(headers))

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]):
        return getattr(self.web, method)(
            self.base + path,
            data="" if body is None else body,
            content_type="application/json",
            headers=self.headers | _named(headers),
        )


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def api_for(root: User):
    """An `Api` with a token of the scopes given."""

    def make(*scopes: str) -> Api:
        return Api(accounts.create_token("test", f"t-{uuid4().hex[:6]}", root.pk, list(scopes)).plain)

    return make


@pytest.fixture
def api(api_for) -> Api:
    return api_for("read:*", "write:*", "operate")


@pytest.fixture
def shop(api: Api) -> Api:
    """The same, with a namespace ``shop``."""
    assert api.put("namespaces/shop", {"description": "a shop"}).status_code == 201
    return api


class Answer(io.BytesIO):
    """What `urlopen` returns: readable, and a context manager."""

    def __init__(self, data: bytes, headers: Mapping[str, str]):
        super().__init__(data)
        self.headers = headers


@pytest.fixture
def nodes(shop: "Api", monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Sends what `urlopen` gets to the API; a node whose address is in ``away`` cannot be reached."""
    away: set[str] = set()

    def urlopen(request, timeout):
        if f"http://{request.host}" in away:
            raise URLError("connection refused")
        headers = dict(request.header_items())
        content_type = headers.pop("Content-type", "application/json")
        answer = shop.web.generic(
            request.get_method(), request.selector, request.data or b"", content_type, headers=headers
        )
        if answer.status_code >= 400:
            raise HTTPError(request.full_url, answer.status_code, "", answer.headers, io.BytesIO(answer.content))
        return Answer(answer.getvalue(), answer.headers)

    monkeypatch.setattr(rest, "urlopen", urlopen)
    monkeypatch.setenv("CONFIG_TOKEN", shop.headers["Authorization"].removeprefix("Bearer "))
    monkeypatch.delenv("CONFIG_SERVER", raising=False)
    return away


@pytest.fixture
def site(client, root):
    """The admin of a superuser, and a namespace to work in."""
    client.force_login(root)
    services.put_namespace("t", "shop")
    return client
