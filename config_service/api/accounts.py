"""Users, groups, grants and tokens over HTTP, for operators. What a write leaves out stays as it is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.accounts import policy, selectors, services
from config_service.accounts.models import ApiToken, Grant, User
from config_service.api.authentication import require
from config_service.api.base import READ_PARAMETERS, ApiView
from config_service.api.bodies import read_body, read_query, read_request_id
from config_service.api.problems import Forbidden
from config_service.entries.snapshots import time_text
from config_service.errors import Invalid, NotFound
from config_service.texts import check_time

_USER_FIELDS = {
    "first_name": str, "last_name": str, "email": str, "is_active": bool, "is_staff": bool, "is_superuser": bool,
    "groups": list, "permissions": list,
}  # fmt: skip
MANAGE_SUPERUSERS = "superuser"


def user_body(user: User) -> dict[str, Any]:
    return {
        "id": str(user.pk),
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": sorted(group.name for group in user.groups.all()),
        "permissions": selectors.permission_names(user.user_permissions.all()),
        "created_at": time_text(user.date_joined),
    }


def group_body(group: Group) -> dict[str, Any]:
    return {"name": group.name, "permissions": selectors.permission_names(group.permissions.all())}


def grant_body(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "verb": grant.verb,
        "namespace": grant.namespace,
        "user": grant.user.username if grant.user else None,
        "group": grant.group.name if grant.group else None,
    }


def token_body(token: ApiToken) -> dict[str, Any]:
    return {
        "id": str(token.pk),
        "name": token.name,
        "user": token.user.username,
        "prefix": token.prefix,
        "scopes": token.scopes,
        "created_at": time_text(token.created_at),
        "expires_at": time_text(token.expires_at) if token.expires_at else None,
        "last_used_at": time_text(token.last_used_at) if token.last_used_at else None,
    }


class OperatorView(ApiView):
    """Every one of these needs the permission to operate the group. A write finds, and keeps, what was acknowledged on
    any node before."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(request, "operate")
        if request.method not in SAFE_METHODS:
            self.catch_up()

    def listed(self, request: Request, items: Any, body: Any) -> Response:
        revision = self.prepare_read(read_query(request, *READ_PARAMETERS))
        return Response({"revision": revision, "items": [body(item) for item in items()], "next": None})

    def written(self, request_id: str, body: dict[str, Any] | None, status: int = 200) -> Response:
        return Response(body, 204 if body is None else status, headers={"Request-Id": request_id})

    def require_may_manage(self, request: Request, user: User | None, makes_superuser: bool = False) -> None:
        if not policy.may_manage(request.user, user, makes_superuser=makes_superuser):
            raise Forbidden(MANAGE_SUPERUSERS)


class UsersView(OperatorView):
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.list_users, user_body)


class UserView(OperatorView):
    def get(self, request: Request, username: str) -> Response:
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        return Response(user_body(_user(username)))

    def put(self, request: Request, username: str) -> Response:
        """Create the user, or change what the body holds. ``password`` is never shown again."""
        read_query(request)
        body = read_body(request, {}, _USER_FIELDS | {"password": str})
        request_id = read_request_id(request)
        user = selectors.find_user(username)
        self.require_may_manage(request, user, body.get("is_superuser", False))
        password = body.pop("password", None)
        changes = {name: _names(name, value) if isinstance(value, list) else value for name, value in body.items()}
        actor = request.user.get_username()
        created = services.change_user(actor, user, username, changes, password, request_id)
        return self.written(request_id, user_body(_user(username)), 201 if created else 200)

    def delete(self, request: Request, username: str) -> Response:
        """With its tokens and grants."""
        read_query(request)
        request_id = read_request_id(request)
        user = _user(username)
        self.require_may_manage(request, user)
        services.delete_user(request.user.get_username(), user.pk, request_id)
        return self.written(request_id, None)


class GroupsView(OperatorView):
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.list_groups, group_body)


class UserGroupView(OperatorView):
    def get(self, request: Request, name: str) -> Response:
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        return Response(group_body(selectors.get_group(name)))

    def put(self, request: Request, name: str) -> Response:
        read_query(request)
        body = read_body(request, {"permissions": list}, {})
        request_id = read_request_id(request)
        permissions = _names("permissions", body["permissions"])
        created = services.put_group(request.user.get_username(), name, permissions, request_id=request_id)
        return self.written(request_id, {"name": name, "permissions": sorted(permissions)}, 201 if created else 200)

    def delete(self, request: Request, name: str) -> Response:
        read_query(request)
        request_id = read_request_id(request)
        services.delete_group(request.user.get_username(), name, request_id)
        return self.written(request_id, None)


class GrantsView(OperatorView):
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.list_grants, grant_body)

    def post(self, request: Request) -> Response:
        """Granting what is granted already gives that grant again."""
        read_query(request)
        body = read_body(request, {"verb": str, "namespace": str}, {"user": str, "group": str})
        request_id = read_request_id(request)
        user = _user(body["user"]).pk if "user" in body else None
        grant_id = services.put_grant(
            request.user.get_username(), body["verb"], body["namespace"], user=user, group=body.get("group", ""),
            request_id=request_id,
        )  # fmt: skip
        return self.written(request_id, {"id": grant_id, "user": None, "group": None, **body}, 201)


class GrantView(OperatorView):
    def delete(self, request: Request, grant: int) -> Response:
        read_query(request)
        request_id = read_request_id(request)
        services.delete_grant(request.user.get_username(), grant, request_id)
        return self.written(request_id, None)


class TokensView(OperatorView):
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.list_tokens, token_body)

    def post(self, request: Request) -> Response:
        """The answer holds the ``token``, this once. A retry with the same ``Idempotency-Key`` gets it again."""
        read_query(request)
        body = read_body(request, {"name": str, "user": str, "scopes": list}, {"expires_at": str})
        user = _user(body["user"])
        self.require_may_manage(request, user)
        request_id = read_request_id(request)
        new = services.create_token(
            request.user.get_username(), body["name"], user.pk, body["scopes"], _expiry(body),
            request_id=request_id if "Idempotency-Key" in request.headers else "",
        )  # fmt: skip
        token = selectors.get_token(new.id)
        response = self.written(request_id, token_body(token) | {"token": new.plain}, 201)
        response["Cache-Control"] = "no-store"
        return response


class TokenView(OperatorView):
    def get(self, request: Request, token: UUID) -> Response:
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        return Response(token_body(selectors.get_token(token)))

    def delete(self, request: Request, token: UUID) -> Response:
        """Refused on every node as soon as it has applied this."""
        read_query(request)
        actor, request_id = request.user.get_username(), read_request_id(request)
        if not services.was_deleted(actor, token, request_id):
            self.require_may_manage(request, selectors.get_token(token).user)
            services.delete_token(actor, token, request_id)
        return self.written(request_id, None)


def _user(username: str) -> User:
    user = selectors.find_user(username)
    if user is None:
        raise NotFound(f"there is no user {username!r}")
    return user


def _names(field: str, values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise Invalid.field(field, "a list of names")
    return tuple(sorted(set(values)))


def _expiry(body: dict[str, Any]) -> datetime | None:
    return check_time("expires_at", body["expires_at"]) if "expires_at" in body else None
