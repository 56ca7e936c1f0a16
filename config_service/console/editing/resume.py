"""What was typed outlives the session it was typed in.

A form that arrives after the session has ended is answered with a page to sign in, which carries the fields along;
then the form is there again and nothing was done. The same where the browser has signed in anew in another tab, which
makes the old page's token invalid: what it sends is only shown, never acted on.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import site
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import Resolver404, resolve
from django.views.csrf import csrf_failure as stock_csrf_failure

PREFIX = "signin"
SIGNED_IN = "You are signed in again. Nothing was saved: what you typed is here."
PAGE_TOO_OLD = "This page was from an earlier session. Nothing was saved: what you typed is here."

View = Callable[..., HttpResponse]


def keeps_what_was_typed(view: View, show_again: Callable[..., HttpResponse]) -> View:
    """For a view that changes something: ``show_again(request, reason, …)`` answers with the form as it was sent."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or site.has_permission(request):
            return view(request, *args, **kwargs)
        return sign_in_again(request, lambda: show_again(request, SIGNED_IN, *args, **kwargs))

    wrapped.show_again = show_again
    return wrapped


def sign_in_again(request: HttpRequest, resume: Callable[[], HttpResponse]) -> HttpResponse:
    data = request.POST if f"{PREFIX}-username" in request.POST else None
    form = AdminAuthenticationForm(request, data, prefix=PREFIX)
    if data is not None and form.is_valid():
        login(request, form.get_user())
        return resume()
    return _ask(request, form)


def _ask(request: HttpRequest, form: AdminAuthenticationForm) -> HttpResponse:
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and not name.startswith(f"{PREFIX}-")
    ]
    context = {"form": form, "typed": typed, "title": "Sign in again", "site_header": site.site_header}
    response = TemplateResponse(request, "admin/sign_in_again.html", context)
    response["Cache-Control"] = "no-store"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The project's ``CSRF_FAILURE_VIEW``."""
    try:
        found = resolve(request.path_info)
    except Resolver404:
        return stock_csrf_failure(request, reason)
    show_again = getattr(found.func, "show_again", None)
    if request.method != "POST" or show_again is None:
        return stock_csrf_failure(request, reason)
    if site.has_permission(request):
        return show_again(request, PAGE_TOO_OLD, *found.args, **found.kwargs)
    return _ask(request, AdminAuthenticationForm(request, prefix=PREFIX))  # nobody is signed in without a token
