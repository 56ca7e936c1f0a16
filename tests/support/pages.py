"""Every page of the admin of a real group, with something to show on each: for whoever wants to see them all."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page

from tests.support.browser import review, submit
from tests.support.group import RealGroup

Visit = Callable[[], None]
ENTRIES, NODES = "entries/configentry/", "consensus/member/"
JSON_KEY, PLAIN_KEY, SECRET_KEY = "pages/limits", "pages/greeting", "pages/password"
SWITCH = "pages-checkout"
LIMITS = {"type": "object", "required": ["limit"], "properties": {"limit": {"type": "integer", "minimum": 1}}}


class Pages:
    """As ``page``, signed in at ``node`` as the group's first user, sees them."""

    def __init__(self, group: RealGroup, node: str, page: Page):
        self._group = group
        self._page = page
        self._base = f"{group.url(node)}/admin/"
        self._node = node
        self._prepare()

    def _prepare(self) -> None:
        """A history of several people, a secret, a token that expires soon, a group and a permission."""
        group, node = self._group, self._node
        for limit in (10, 20):
            group.put(node, JSON_KEY, {"retries": 3, "limit": limit, "hosts": ["a.example.com", "b.example.com"]})
        self._past = int(group.get(node, JSON_KEY).headers["config-revision"])
        for text in ("Hello", "Hello again", "Good morning"):
            group.put(node, PLAIN_KEY, text)
        secret = {"value": "correct horse battery", "type": "secret"}
        assert group.rest(node, "PUT", f"namespaces/storefront/entries/{SECRET_KEY}", secret).status_code < 300
        soon = (datetime.now(UTC) + timedelta(days=5)).isoformat()
        name = f"deploy-{uuid.uuid4().hex[:4]}"
        user = group.credentials["user"]
        token = {"name": name, "user": user, "scopes": ["read:storefront"], "expires_at": soon}
        for method, path, body in (
            ("POST", "tokens/", token),
            ("PUT", "groups/operators", {"permissions": ["consensus.operate_group"]}),
            ("POST", "grants/", {"namespace": "storefront", "verb": "change", "group": "operators"}),
        ):
            assert group.rest(node, method, path, body).status_code in (200, 201), path

        self._prepare_changes()

    def _prepare_changes(self) -> None:
        """A change set that somebody has overtaken, one that is as it was made, a rule, a switch with a history."""
        group, node = self._group, self._node
        rules = {"rules": [{"keys": "pages/limits", "schema": LIMITS}]}
        assert group.rest(node, "PUT", "namespaces/storefront/schema", rules).status_code == 200
        for flip in (True, False):
            body = {"value": flip, "comment": "the checkout is too slow" if flip else "better again"}
            assert group.rest(node, "PUT", f"switches/{SWITCH}", body).status_code in (200, 201)
        put = {"op": "put", "namespace": "storefront"}
        edits = [
            put | {"key": PLAIN_KEY, "value": "Good night"},
            put | {"key": JSON_KEY, "value": {"retries": 5, "limit": 30, "hosts": ["a.example.com"]}},
        ]
        self._change_set = self._draft("Night mode", edits)
        self._overtaken = self._draft("Another greeting", edits[:1])
        group.put(node, PLAIN_KEY, "Good afternoon")
        edits[0]["value"] = "Good night, all"
        path = f"changesets/{self._change_set}"
        assert group.rest(node, "PUT", path, {"title": "Night mode", "edits": edits}).status_code == 200

    def _draft(self, title: str, edits: list[dict]) -> int:
        made = self._group.rest(self._node, "POST", "changesets/", {"title": title, "edits": edits})
        assert made.status_code == 201, made.text
        return made.json()["id"]

    # --- the pages -------------------------------------------------------------------------------------------------
    def all(self) -> dict[str, Visit]:
        found = {name: self._at(path) for name, path in self._paths().items()}
        return found | {
            "sign-in": self._signed_out,
            "entry-change": self._first(f"{ENTRIES}?q={JSON_KEY}"),
            "entry-secret": self._first(f"{ENTRIES}?q={SECRET_KEY}"),
            "entry-preview": self._preview,
            "entry-conflict": self._conflict,
            "entry-refused-form": self._refused,
            "entry-delete": self._deletion,
            "entries-bulk": self._bulk,
            "user-change": self._first("accounts/user/"),
            "user-password": self._password_of_user,
            "group-change": self._first("auth/group/"),
            "token-change": self._first("accounts/apitoken/"),
            "token-created": self._token_created,
            "audit-record": self._first("audit/auditrecord/"),
        }

    def _paths(self) -> dict[str, str]:
        of_entry = f"{ENTRIES}of/storefront/{JSON_KEY}"
        follower = self._group.follower()
        return {
            "home": "",
            "entries": ENTRIES,
            "entries-none-found": f"{ENTRIES}?q=there-is-none",
            "entry-add": f"{ENTRIES}add/",
            "entry-history": f"{of_entry}/timeline/",
            "namespaces": "entries/namespace/",
            "namespace-add": "entries/namespace/add/",
            "namespace-change": "entries/namespace/storefront/change/",
            "namespace-history": "entries/namespace/storefront/timeline/",
            "namespace-state": "entries/namespace/storefront/state/",
            "namespace-export": "entries/namespace/storefront/export/",
            "namespace-import": "entries/namespace/storefront/import/",
            "nodes": NODES,
            "namespace-schema": "entries/namespace/storefront/schema/",
            "namespace-revert": f"entries/namespace/storefront/revert/?revision={self._past}",
            "entry-revert": f"{of_entry}/revert/?revision={self._past}",
            "change-sets": "changesets/changeset/",
            "change-set": f"changesets/changeset/{self._change_set}/change/",
            "change-set-overtaken": f"changesets/changeset/{self._overtaken}/change/",
            "switches": "switches/switchchange/",
            "switch": f"switches/switchchange/{SWITCH}/",
            "drain": f"{NODES}operate/drain/?node={self._group.leader()}",
            "drain-refused": f"{NODES}operate/drain/?" + "&".join(f"node={node}" for node in self._group.nodes),
            "drain-progress": f"{NODES}operate/drain/progress/?node={follower}",
            "transfer": f"{NODES}operate/transfer/?node={follower}",
            "remove": f"{NODES}operate/remove/?node={follower}",
            "rebuild": f"{NODES}operate/rebuild/?node={self._node}",
            "audit": "audit/auditrecord/",
            "users": "accounts/user/",
            "user-add": "accounts/user/add/",
            "groups": "auth/group/",
            "group-add": "auth/group/add/",
            "permissions": "accounts/grant/",
            "permission-add": "accounts/grant/add/",
            "tokens": "accounts/apitoken/",
            "token-add": "accounts/apitoken/add/",
            "password": "password_change/",
            "not-found": f"{NODES}operate/nothing/",
        }

    def _at(self, path: str) -> Visit:
        return lambda: self._goto(path)

    def _goto(self, path: str) -> None:
        self._page.goto(f"{self._base}{path}")

    def _first(self, path: str) -> Visit:
        """What the first row of a list leads to."""

        def visit() -> None:
            self._goto(path)
            submit(self._page, "#result_list tbody th a")

        return visit

    def _signed_out(self) -> None:
        cookies = self._page.context.cookies()
        self._page.context.clear_cookies()
        self._goto("login/")
        self._page.context.add_cookies(cookies)

    def _password_of_user(self) -> None:
        self._first("accounts/user/")()
        submit(self._page, "a[href$='password/']")

    def _edit(self, key: str) -> None:
        self._first(f"{ENTRIES}?q={key}")()

    def _preview(self) -> None:
        self._edit(PLAIN_KEY)
        self._page.fill("[name=string_value]", "Good evening")
        review(self._page)

    def _conflict(self) -> None:
        self._edit(PLAIN_KEY)
        self._group.put(self._node, PLAIN_KEY, f"Somebody else's {uuid.uuid4().hex[:4]}")
        self._page.fill("[name=string_value]", "Mine")
        review(self._page)

    def _refused(self) -> None:
        self._goto(f"{ENTRIES}add/")
        self._page.fill("[name=key]", "no//good")
        review(self._page)

    def _deletion(self) -> None:
        self._edit(PLAIN_KEY)
        submit(self._page, "a.button-danger")

    def _bulk(self) -> None:
        self._goto(f"{ENTRIES}?q=pages")
        for box in self._page.locator("input.action-select").all():
            box.check()
        self._page.select_option("select[name=action]", "delete_selected")
        submit(self._page, "button[name=index]")

    def _token_created(self) -> None:
        self._goto("accounts/apitoken/add/")
        self._page.fill("[name=name]", f"shown-once-{uuid.uuid4().hex[:4]}")
        self._page.select_option("[name=user]", label=self._group.credentials["user"])
        self._page.fill("[name=scopes]", "read:storefront")
        submit(self._page, "[name=_save]")
