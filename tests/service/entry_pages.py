"""Pages about entries as a browser uses them: reading a form, sending it, pressing Save."""

import html
import re

from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import User
from config_service.entries import selectors, services
from config_service.entries.models import ConfigEntry

ADD = "admin:entries_configentry_add"
LIST = "admin:entries_configentry_changelist"
NEW = {"namespace": "shop", "key": "k", "type": "integer", "integer_value": "1"}


def person(client, name):
    """Somebody who may do nothing yet, signed in."""
    accounts.put_user("root", PutUser(User().pk, name, "", is_staff=True))
    user = User.objects.get(username=name)
    client.force_login(user)
    return user


def put(key="a", value=1, **more):
    services.put_entry("t", "shop", key, value, **more)
    return ConfigEntry.objects.get(namespace_id="shop", key=key)


def now(key="a"):
    return selectors.find_entry("shop", key)


def change_url(entry, what="change"):
    return reverse(f"admin:entries_configentry_{what}", args=[entry.pk])


def fields(page) -> dict[str, str]:
    """What the browser would send from the form as it is."""
    form = page.context["form"]
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not False}
    return {name: re.sub("\r?\n", "\r\n", str(value)) for name, value in sent.items()}


def text(page) -> str:
    return html.unescape(page.content.decode())


def preview(site, url, **typed):
    """The page before saving."""
    page = site.post(url, fields(site.get(url)) | typed | {"_preview": "1"})
    assert page.status_code == 200
    return page


def confirm(site, url, page, **more):
    """What comes of pressing Save on ``page``."""
    sent = fields(page) | {"request_id": page.context["request_id"], "_save": "1"} | more
    return site.post(url, sent, follow=True)


def save(site, url, **typed):
    return confirm(site, url, preview(site, url, **typed))


def bulk(site, action, rows, **more):
    sent = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = site.post(reverse(LIST), sent)
    sent = {"bulk_action": page.context["action"], "seen": page.context["seen"]} | more
    return site.post(reverse("admin:entries_configentry_bulk"), sent, follow=True)


def do(site, page, **more):
    sent = {"bulk_action": page.context["action"], "seen": page.context["seen"], "_confirm": "1"} | more
    return site.post(reverse("admin:entries_configentry_bulk"), sent, follow=True)
