"""When a token was last used."""

import pytest

from config_service.accounts import services, uses
from config_service.accounts.models import ApiToken
from config_service.accounts.tasks import propose_token_uses
from config_service.audit.models import AuditRecord
from consensus import errors


@pytest.fixture
def noted(redis_url, monkeypatch):
    """A process that has noted nothing yet, and an empty Redis."""
    monkeypatch.setattr(uses, "token_uses", fresh := uses.TokenUses())
    monkeypatch.setattr("config_service.api.authentication.token_uses", fresh)
    return fresh


def test_many_requests_are_one_proposal_an_hour(noted, api, direct):
    before = len(direct.proposed)
    for _ in range(5):
        api.get("namespaces/")
    assert len(direct.proposed) == before and ApiToken.objects.get().last_used_at is None
    propose_token_uses()
    assert len(direct.proposed) == before + 1
    used_at = ApiToken.objects.get().last_used_at
    assert used_at is not None and (used_at.minute, used_at.second) == (0, 0)
    records = AuditRecord.objects.count()
    api.get("namespaces/")
    propose_token_uses()
    assert len(direct.proposed) == before + 1 and AuditRecord.objects.count() == records
    assert api.get("tokens/").json()["items"][0]["last_used_at"].endswith(":00:00.000000Z")


def test_what_cannot_be_proposed_now_is_proposed_later(noted, api, direct):
    api.get("namespaces/")
    direct.failure = errors.NoLeader()
    propose_token_uses()
    assert ApiToken.objects.get().last_used_at is None
    propose_token_uses()
    assert ApiToken.objects.get().last_used_at is not None


def test_a_token_that_is_gone_is_passed_over(noted, api, direct, root):
    api.get("namespaces/")
    services.delete_token("test", ApiToken.objects.get().pk)
    before = len(direct.proposed)
    propose_token_uses()
    assert len(direct.proposed) == before


def test_without_redis_requests_go_on(noted, api, monkeypatch):
    def away(url):
        raise OSError("away")

    monkeypatch.setattr(uses, "_redis", away)
    assert api.get("namespaces/").status_code == 200
    propose_token_uses()
