"""Users, groups and API tokens in the admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from config_service.accounts import policy, services
from config_service.accounts.commands import PutUser
from config_service.accounts.models import ApiToken, Grant, User
from config_service.accounts.validation import SCOPES, check_scopes
from config_service.accounts.widgets import CheckboxList, MomentField, PermissionsField, listed_permissions
from config_service.admin_base import ProposingAdmin
from config_service.errors import Invalid
from config_service.refusals import REFUSALS, explain


def _names(permissions: Any) -> tuple[str, ...]:
    rows = Permission.objects.filter(pk__in=[permission.pk for permission in permissions])
    return tuple(sorted(f"{app}.{code}" for app, code in rows.values_list("content_type__app_label", "codename")))


def require_may_manage(request: HttpRequest, user: User) -> None:
    if not policy.may_manage(request.user, user):
        raise PermissionDenied("only a superuser manages superusers and their tokens")


class AccessAdmin(ProposingAdmin):
    """Groups and permissions are boxes to tick."""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.related_model is Permission:
            return PermissionsField(label=db_field.verbose_name.capitalize())
        return super().formfield_for_manytomany(db_field, request, widget=CheckboxList(), help_text="", **kwargs)

    @staticmethod
    def permission_names(chosen: Any, held: Any) -> tuple[str, ...]:
        """Those ``chosen``, and of those ``held`` before the ones that the form does not list."""
        unlisted = held.exclude(pk__in=listed_permissions().values("pk")) if held is not None else ()
        return _names([*chosen, *unlisted])


class UserPasswordForm(AdminPasswordChangeForm):
    """Another person's new password. ``user.proposer`` is who sets it (see `UserAdmin.get_object`)."""

    def save(self, commit: bool = True) -> User:
        user = super().save(commit=False)
        services.set_password(user.proposer, user.pk, user.password)
        return user


@admin.register(User)
class UserAdmin(AccessAdmin, StockUserAdmin):
    filter_horizontal = ()
    change_password_form = UserPasswordForm
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and policy.may_manage(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and policy.may_manage(request.user, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [] if request.user.is_superuser else ["is_superuser"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        user = super().get_object(request, object_id, from_field)
        if user is not None:
            user.proposer = request.user.get_username()
        return user

    def propose_save(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        chosen = form.cleaned_data
        groups = chosen["groups"] if "groups" in chosen else (obj.groups.all() if change else [])
        permissions = (
            chosen["user_permissions"]
            if "user_permissions" in chosen
            else (obj.user_permissions.all() if change else [])
        )
        command = PutUser(
            id=obj.pk,
            username=obj.username,
            password="" if change else obj.password,
            first_name=obj.first_name,
            last_name=obj.last_name,
            email=obj.email,
            is_active=obj.is_active,
            is_staff=obj.is_staff,
            is_superuser=obj.is_superuser,
            groups=tuple(sorted(group.name for group in groups)),
            permissions=self.permission_names(permissions, obj.user_permissions if change else None),
        )
        services.put_user(request.user.get_username(), command)

    def propose_delete(self, request: HttpRequest, obj: User) -> None:
        require_may_manage(request, obj)
        services.delete_user(request.user.get_username(), obj.pk)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        try:
            return super().user_change_password(request, id, form_url)
        except REFUSALS as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(AccessAdmin, StockGroupAdmin):
    filter_horizontal = ()

    def propose_save(self, request: HttpRequest, obj: Group, form: forms.ModelForm, change: bool) -> None:
        permissions = self.permission_names(form.cleaned_data["permissions"], obj.permissions if change else None)
        old_name = form.initial["name"] if change else ""
        services.put_group(request.user.get_username(), obj.name, permissions, old_name)
        if not change:
            obj.pk = Group.objects.get(name=obj.name).pk

    def propose_delete(self, request: HttpRequest, obj: Group) -> None:
        services.delete_group(request.user.get_username(), obj.name)


@admin.register(Grant)
class GrantAdmin(ProposingAdmin):
    """Made and taken back, never changed."""

    list_display = ["namespace", "verb", "user", "group"]
    list_filter = ["verb", "user", "group"]
    search_fields = ["namespace", "user__username", "group__name"]
    list_select_related = ["user", "group"]
    fields = ["namespace", "verb", "user", "group"]

    def has_change_permission(self, request: HttpRequest, obj: Grant | None = None) -> bool:
        return False

    def propose_save(self, request: HttpRequest, obj: Grant, form: forms.ModelForm, change: bool) -> None:
        group = obj.group.name if obj.group else ""
        obj.pk = services.put_grant(request.user.get_username(), obj.verb, obj.namespace, user=obj.user_id, group=group)

    def propose_delete(self, request: HttpRequest, obj: Grant) -> None:
        services.delete_grant(request.user.get_username(), obj.pk)


class TokenForm(forms.ModelForm):
    scopes = forms.CharField(
        help_text=f"Separated by spaces, out of {SCOPES}. A token never may more than its user.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    expires_at = MomentField(required=False, help_text="In UTC. Empty: it does not expire.")

    class Meta:
        model = ApiToken
        fields = ["name", "user", "scopes", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.instance.name:
            self.initial["scopes"] = " ".join(self.instance.scopes)

    def clean_scopes(self) -> list[str]:
        try:
            return check_scopes(self.cleaned_data["scopes"].replace(",", " ").split())
        except Invalid as error:
            raise forms.ValidationError(error.detail) from error


@admin.register(ApiToken)
class ApiTokenAdmin(ProposingAdmin):
    form = TokenForm
    list_display = ["name", "prefix", "user", "scopes", "created_at", "expires_at", "last_used_at"]
    list_filter = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    fields = ["name", "user", "scopes", "expires_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        return ["prefix", "created_at"] if obj else []

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        return self.fields + (["prefix", "created_at"] if obj else [])

    def propose_save(self, request: HttpRequest, obj: ApiToken, form: TokenForm, change: bool) -> None:
        require_may_manage(request, obj.user)
        actor, what = request.user.get_username(), (obj.name, obj.user_id, obj.scopes, obj.expires_at)
        if change:
            services.change_token(actor, obj.pk, *what)
        else:
            new = services.create_token(actor, *what)
            obj.pk = new.id
            request.new_token = new.plain

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """The one page that ever shows the token. A message would put it into the session's cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API token created",
            "opts": self.opts,
            "token": request.new_token,
            "name": obj.name,
        }
        response = TemplateResponse(request, "admin/accounts/apitoken/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def propose_delete(self, request: HttpRequest, obj: ApiToken) -> None:
        require_may_manage(request, obj.user)
        services.delete_token(request.user.get_username(), obj.pk)
