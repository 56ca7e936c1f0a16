"""The description of the API, and the page that shows it."""

import re

import pytest
from django.urls import get_resolver

from config_service.api.operations import OPERATIONS


def test_every_path_is_described_with_its_problems(client):
    answer = client.get("/api/schema/?format=json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described >= set(OPERATIONS)
    served = next(group for group in get_resolver().url_patterns if str(group.pattern) == "api/v1/").url_patterns
    for pattern in served[:-1]:
        path = re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        assert f"/api/v1/{path}" in paths
    for methods in paths.values():
        for operation in methods.values():
            assert {"400", "401", "403", "404", "429", "503", "504"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"]


def test_names_of_operations_are_unique(client):
    paths = client.get("/api/schema/?format=json").json()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_the_description_is_yaml_by_default(client):
    answer = client.get("/api/schema/")
    assert answer.content.startswith(b"openapi: 3.") and "openapi" in answer.headers["Content-Type"]


@pytest.mark.django_db  # closing a file's answer looks after the connection that an earlier test has opened
def test_the_page_needs_nothing_from_elsewhere(client):
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded and all(url.startswith("/static/drf_spectacular_sidecar/") for url in loaded)
    for url in loaded:
        file = client.get(url)
        assert file.status_code == 200 and b"".join(file.streaming_content)
        file.close()


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_it_is_served_without_a_database(client, path):
    assert client.get(path).status_code == 200
