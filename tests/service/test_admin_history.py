"""Looking back in the admin: timelines, two revisions side by side, going back."""

from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.entries import selectors, services
from config_service.entries.models import Namespace
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.entry_pages import change_url, now, person, put, text


def url(page, *args):
    return reverse(f"admin:entries_{page}", args=args)


def at(path, **query):
    return path + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def test_the_timeline_tells_every_change_by_path(site):
    put("a", {"port": 25}, comment="first")
    entry = put("a", {"port": 587, "tls": True})
    services.delete_entry("ann", "shop", "a")
    page = site.get(url("configentry_timeline", "shop", "a"))
    events = page.context["events"]
    assert [event.verb for event in events] == ["deleted", "changed", "created"]
    assert [(one.path, one.old, one.new) for one in events[1].told] == [("/port", "25", "587"), ("/tls", None, "true")]
    assert "“first”" in text(page) and "deleted" in text(page)
    assert site.get(change_url(entry, "history")).status_code == 404
    assert site.get(url("configentry_timeline", "shop", "none")).status_code == 404


def test_the_entry_s_own_history_link_leads_there(site):
    entry = put("a")
    assert site.get(change_url(entry, "history")).url == url("configentry_timeline", "shop", "a")


def test_a_long_timeline_has_pages(site):
    for number in range(53):
        put("a", number)
    page = site.get(url("configentry_timeline", "shop", "a"))
    assert len(page.context["events"]) == 50
    page = site.get(at(url("configentry_timeline", "shop", "a"), before=page.context["older"]))
    assert len(page.context["events"]) == 3 and page.context["older"] is None


def test_any_two_revisions_are_set_side_by_side(site):
    old, new = put("a", {"x": 1}).revision, put("a", {"x": 2}).revision
    for pair in ((old, new), (new, old)):
        page = site.get(at(url("configentry_timeline", "shop", "a"), old=pair[0], new=pair[1]))
        assert (page.context["old"], page.context["new"]) == (old, new) and "<ins>2</ins>" in text(page)
    gone = services.delete_entry("t", "shop", "a")
    page = site.get(at(url("configentry_timeline", "shop", "a"), old=new, new=gone))
    assert page.context["comparison"].removed == 3 and "no entry" in text(page)


def test_a_secret_s_history_shows_no_value(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    old, new = put("a", "first", type="secret").revision, put("a", "second", type="secret").revision
    page = text(site.get(at(url("configentry_timeline", "shop", "a"), old=old, new=new)))
    assert "first" not in page and "second" not in page and "sealed" not in page


def test_going_back_is_shown_first_and_bound_to_what_was_shown(site, direct):
    old = put("a", 1).revision
    put("a", 2)
    revert = at(url("configentry_revert", "shop", "a"), revision=old)
    page = site.get(revert)
    assert page.context["comparison"].added == 1 and now().value_json == "2"
    shown = {"base_revision": page.context["current"].revision, "comment": "oops"}
    put("a", 3)
    page = site.post(revert, shown)
    assert "was changed meanwhile" in text(page) and now().value_json == "3" and 'value="oops"' in text(page)
    direct.failure = errors.NoLeader()
    shown["base_revision"] = page.context["current"].revision
    assert "Nothing was changed" in text(site.post(revert, shown))
    assert "is what it was at revision" in text(site.post(revert, shown, follow=True))
    assert (now().value_json, now().comment) == ("1", "oops")


def test_a_deleted_entry_comes_back(site):
    old = put("a", 1).revision
    services.delete_entry("t", "shop", "a")
    revert = at(url("configentry_revert", "shop", "a"), revision=old)
    assert "was deleted" in text(site.get(revert))
    site.post(revert, {"base_revision": "0"})
    assert now().value_json == "1"


def test_there_is_no_way_back_to_nothing(site):
    put("b", 1)
    before = selectors.applied_revision()
    put("a", 1)
    page = site.get(at(url("configentry_revert", "shop", "a"), revision=before), follow=True)
    assert "nothing to go back to" in text(page)
    assert site.get(url("configentry_revert", "shop", "a")).status_code == 404


def test_the_timeline_of_a_namespace_groups_what_changed_together(site):
    put("mail/a"), put("mail/b"), put("web/c")
    began = Namespace.objects.get(name="shop").created_revision
    services.revert_namespace("ann", "shop", began, selectors.applied_revision())
    page = site.get(url("namespace_timeline", "shop"))
    moments = page.context["moments"]
    assert [(moment.actor, len(moment.events)) for moment in moments][:2] == [("ann", 3), ("t", 1)]
    page = site.get(at(url("namespace_timeline", "shop"), prefix="mail/"))
    assert [len(moment.events) for moment in page.context["moments"]] == [2, 1, 1]
    assert "a prefix is made of" in text(site.get(at(url("namespace_timeline", "shop"), prefix="a b")))
    assert site.get(url("namespace_timeline", "none")).status_code == 404


def test_a_namespace_as_of_a_revision_and_a_time(site):
    first = put("a", 1)
    put("a", 2), put("b", 3)
    page = site.get(at(url("namespace_state", "shop"), revision=first.revision))
    assert [(past.entry.key, past.text) for past in page.context["entries"]] == [("a", "1")]
    at_first = first.updated_at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    page = site.get(at(url("namespace_state", "shop"), at=at_first))
    assert page.context["revision"] == first.revision
    assert "yet to come" in text(site.get(at(url("namespace_state", "shop"), revision=10**6)))
    assert "a time looks like" in text(site.get(at(url("namespace_state", "shop"), at="noon")))


def test_a_namespace_is_brought_back_as_shown_or_not_at_all(site):
    then = put("a", 1).revision
    put("a", 2), put("b", 3)
    revert = at(url("namespace_revert", "shop"), revision=then)
    page = site.get(revert)
    assert [(one.key, one.kind) for one in page.context["changing"]] == [("a", "changed"), ("b", "deleted")]
    shown = {"seen_revision": page.context["seen_revision"]}
    put("c", 4)
    page = site.post(revert, shown)
    assert "has changed at revision" in text(page) and now().value_json == "2"
    assert len(page.context["changing"]) == 3
    shown = {"seen_revision": page.context["seen_revision"], "comment": "back"}
    assert "3 entries changed" in text(site.post(revert, shown, follow=True))
    assert now().value_json == "1" and now("b") is None and now("c") is None
    assert "Nothing is different" in text(site.get(revert))


def test_who_may_not_see_or_change_is_told_what_is_missing(site, client):
    entry = put("a", 1)
    put("a", 2)
    ann = person(client, "ann")
    accounts.put_grant("root", "view", "other", user=ann.pk)
    paths = (
        url("configentry_timeline", "shop", "a"), url("namespace_timeline", "shop"), url("namespace_state", "shop"),
        at(url("configentry_revert", "shop", "a"), revision=entry.revision),
        at(url("namespace_revert", "shop"), revision=entry.revision),
    )  # fmt: skip
    for path in paths:
        assert client.get(path).status_code == 403, path
    accounts.put_grant("root", "view", "shop", user=ann.pk)
    for path in paths:
        assert client.get(path).status_code == 200, path
    for path in paths[3:]:
        assert client.post(path, {"base_revision": "3", "seen_revision": "9"}).status_code == 403, path
    assert now().value_json == "2"
