"""The API behaves as its OpenAPI document says, for generated requests (schemathesis)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from streamseg.api.openapi.paths import PATHS
from streamseg.ports import SCOPES
from tests.support.api import ApiProcess, put_membership, run_command
from tests.support.served_api import membership_of, segment_entry

pytestmark = pytest.mark.integration

EXAMPLES = 15

LOOSER_THAN_THE_RULES: list[Any] = [
    # A schema cannot express "printable", nor the fields of events: both are refused with the documented 422.
    positive_data_acceptance,
    # Invalid headers that a server may ignore, and invalid texts that happen to be valid ids.
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def served(redis_url: str, kafka_bootstrap: str) -> Iterator[tuple[str, str]]:
    """Run an API on real servers; yield its address and a secret key."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.hset("ssg:v1:catalogue", "behaviour-k7q2", segment_entry("Daily Athletes"))
        put_membership(client, membership_of("c-81"))
    environment = {"STREAMSEG_REDIS__URL": redis_url, "STREAMSEG_KAFKA__BOOTSTRAP": kafka_bootstrap}
    scopes = [part for scope in SCOPES for part in ("--scope", scope)]
    made = run_command("keys", "create", "shop", *scopes, "--json", environment=environment)
    with ApiProcess(redis_url, STREAMSEG_KAFKA__BOOTSTRAP=kafka_bootstrap) as api:
        yield api.address, json.loads(made.stdout)["key"]


@pytest.fixture(scope="module")
def document(served: tuple[str, str]) -> Any:
    return schemathesis.openapi.from_url(f"{served[0]}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), [(path, method) for path, item in PATHS.items() for method in item])
def test_operation(document: Any, served: tuple[str, str], path: str, method: str, mode: GenerationMode) -> None:
    operation = document[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body or "{id}" in path):
        return  # it has nothing that could be invalid

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {served[1]}"}, excluded_checks=LOOSER_THAN_THE_RULES)

    ask()
