"""The seed command and the example it loads."""

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from config_service.accounts.models import ApiToken, User
from config_service.entries import services
from config_service.entries.models import ConfigEntry, Namespace
from consensus import errors

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop.yaml"


@pytest.fixture
def seed(direct, tmp_path):
    (tmp_path / "password").write_text("a secret password\n")
    (tmp_path / "token").write_text("cfg_" + "t" * 43 + "\n")

    def run(path=SHOP):
        out = StringIO()
        files = {"password_file": tmp_path / "password", "token_file": tmp_path / "token"}
        call_command("seed", file=Path(path), username="admin", stdout=out, **files)
        return out.getvalue()

    return run


def test_it_makes_a_group_usable_and_can_be_run_again(seed, direct):
    said = seed()
    expected = sum(len(content["entries"]) for content in yaml.safe_load(SHOP.read_text())["namespaces"].values())
    assert ConfigEntry.objects.count() == expected >= 110 and Namespace.objects.count() == 4
    user, token = User.objects.get(), ApiToken.objects.get()
    assert user.is_superuser and user.check_password("a secret password")
    assert token.user == user and {"audit", "operate", "read:*", "reveal:*", "write:*"} < set(token.scopes)
    assert "superuser admin: created" in said
    services.put_entry("ann", "payments", "capture/when", "ordered")
    proposals = len(direct.proposed)
    assert "0 of" in seed()
    assert len(direct.proposed) == proposals
    assert ConfigEntry.objects.get(key="capture/when").value == '"ordered"'


def test_the_example_has_every_type(seed):
    seed()
    assert set(ConfigEntry.objects.values_list("type", flat=True)) == {"string", "integer", "float", "boolean", "json"}
    assert ConfigEntry.objects.get(namespace_id="payments", key="provider/cardlane/merchant-id").type == "string"


@pytest.mark.parametrize(
    "text",
    [
        "namespaces: {shop: {entries: {a: 2026-01-01}}}", "namespaces: {shop: {entries: {'a//b': 1}}}",
        "namespaces: {shop: {entries: {a: .nan}}}", "nonsense", "namespaces: [a]", "a: [", "namespaces: {shop: {}}",
        "namespaces: {shop: {entries: {a: {value: 1, type: number}}}}", "namespaces: {shop: {entries: {1: 2}}}",
    ],
)  # fmt: skip
def test_a_bad_file_is_refused(seed, tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(CommandError):
        seed(tmp_path / "bad.yaml")


def test_without_a_leader_it_says_so(seed, direct):
    direct.failure = errors.NoLeader()
    with pytest.raises(CommandError, match="cannot reach a leader"):
        seed()
