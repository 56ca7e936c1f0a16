"""The description of the API holds: generated requests, good and bad, get only what it promises."""

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.group import RealGroup

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 8
# What would take the group apart under the other tests.
LEFT_OUT = "/api/v1/group/"


def exercise(operation: APIOperation, mode: GenerationMode, token: str) -> int:
    """Ask what ``operation`` describes, or something near it; returns how often."""
    asked = 0

    @seed(20)
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        nonlocal asked
        # Both are served, and both would take their time.
        for name in ("wait_s", "min_revision"):
            if str((case.query or {}).get(name)).isdigit():
                case.query[name] = 1
        response = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=20)
        asked += 1
        assert response.status_code < 500, (response.status_code, response.content)
        case.validate_response(response, checks=CHECKS)

    ask()
    return asked


def test_generated_requests_get_only_documented_answers(group: RealGroup) -> None:
    url = group.url(group.follower())
    schema = schemathesis.openapi.from_url(f"{url}/api/schema/?format=json")
    asked = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith(LEFT_OUT):
            continue
        modes = [GenerationMode.POSITIVE]
        if operation.query or operation.body or operation.path_parameters:
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            asked[operation.label, mode] = exercise(operation, mode, group.credentials["token"])
    assert len(asked) > 20 and sum(asked.values()) > 5 * len(asked)
    assert group.leader()
