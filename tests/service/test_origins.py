"""Where a change came from."""

from ipaddress import ip_network

import pytest

from config_service.audit.models import AuditRecord
from config_service.entries import services
from config_service.entries.commands import DeleteNamespace
from config_service.envelope import encode, fingerprint
from config_service.origins import client_address, of_this_process
from consensus.origin import Origin, coming_from, current

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "trusted", "address"),
    [
        ("192.0.2.7", "", [], "192.0.2.7"),
        ("192.0.2.7:5123", "", [], "192.0.2.7"),
        ("[2001:db8::1]:80", "", [], "2001:db8::1"),
        ("192.0.2.7", "198.51.100.1", [], "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", PROXIES, "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", PROXIES, "198.51.100.1"),
        ("::1", "2001:db8::1", PROXIES, "2001:db8::1"),
        ("10.0.0.1", "", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, <script>", PROXIES, ""),
        ("", "", [], ""),
    ],
)
def test_only_what_a_trusted_proxy_added_is_believed(peer, forwarded_for, trusted, address):
    assert client_address(peer, forwarded_for, trusted) == address


def test_a_change_over_rest_names_address_and_token(shop, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    answer = shop.put("namespaces/shop/entries/a", {"value": 1}, X_Forwarded_For="192.0.2.9", Idempotency_Key="abc")
    record = AuditRecord.objects.get(action="entries.put")
    assert (record.actor, record.channel, record.address) == ("root", "rest", "192.0.2.9")
    assert record.request_id == answer.headers["Request-Id"]
    assert record.token == shop.headers["Authorization"].split()[1][:8]
    assert current() == Origin()


def test_a_change_in_the_admin_names_the_address(shop, client, root):
    client.force_login(root)
    shop.put("namespaces/shop/entries/a", {"value": 1})
    url = "/admin/entries/namespace/shop/delete/"
    shop.delete("namespaces/shop/entries/a")
    assert client.post(url, {"post": "yes"}).status_code == 302
    record = AuditRecord.objects.get(action="entries.delete_namespace")
    assert (record.channel, record.address, record.token) == ("admin", "127.0.0.1", "")


def test_a_command_names_who_ran_it_and_where(direct):
    origin = of_this_process()
    assert origin.channel == "command" and "@" in origin.address
    with coming_from(origin):
        services.put_namespace("seed", "shop")
    assert AuditRecord.objects.get().address == origin.address


def test_a_retry_from_elsewhere_is_the_same_request(shop):
    first = shop.put("namespaces/shop/entries/a", {"value": 1}, Idempotency_Key="k")
    again = shop.web.put(
        "/api/v1/namespaces/shop/entries/a", data={"value": 1}, content_type="application/json",
        headers=shop.headers | {"Idempotency-Key": "k"}, REMOTE_ADDR="192.0.2.44",
    )  # fmt: skip
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert AuditRecord.objects.filter(action="entries.put").count() == 1


def test_the_fingerprint_is_that_of_the_release_before():
    """A retry may go through a node that is not upgraded yet."""
    command = DeleteNamespace("shop")
    assert fingerprint(command, "ann").hex() == "510d26478dd62e4f27c520298972c836"
    assert encode(command, "ann", "t", Origin("rest"), 1) == encode(command, "ann", "t", version=1)
