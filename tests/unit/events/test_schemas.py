"""The files under schemas/ agree with the code, and every example and rejected example is what it claims to be."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter, ValidationError

from streamseg.commands.schemas import command, schema_files, topic_schemas
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import RejectionError
from streamseg.membership.contract import MembershipRecord
from streamseg.membership.encoding import change_record, encode, history_record
from streamseg.membership.types import Consent, Membership, MembershipChange, OutboxEntry, SegmentMembership
from streamseg.topics import HISTORY, INPUT_TOPICS, MEMBERSHIPS, TOPICS

SCHEMAS = Path(__file__).parents[3] / "schemas"
DECODER = Decoder(Money("EUR", 2, {"GBP": 1.15}))


def documents(folder: str, *topics: str) -> list[Any]:
    found = [path for topic in topics for path in sorted((SCHEMAS / topic / "v1" / folder).glob("*.json"))]
    return [pytest.param(path, id=f"{path.parts[-4]}/{path.stem}") for path in found]


def schema_beside(path: Path) -> Any:
    return jsonschema_rs.validator_for(json.loads((path.parents[1] / "schema.json").read_text()))


def appended(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


def decode(topic: str, value: bytes | None, key: bytes | None, timestamp: int, headers: dict[str, str]) -> Any:
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return DECODER.decode(INPUT_TOPICS.index(topic), MemoryRecord(topic, 0, 0, timestamp, key, value, encoded))


@pytest.mark.parametrize("path", documents("examples", *INPUT_TOPICS))
def test_an_example_is_accepted_by_the_decoder_and_by_the_schema(path: Path) -> None:
    value = json.loads(path.read_text())
    event = decode(path.parts[-4], path.read_bytes(), value["customer_id"].encode(), appended(value["occurred_at"]), {})
    assert event.event_id == value["event_id"]
    assert schema_beside(path).is_valid(value)


@pytest.mark.parametrize("path", documents("rejected", *INPUT_TOPICS))
def test_a_rejected_example_is_rejected_for_its_stated_reason(path: Path) -> None:
    given = json.loads(path.read_text())
    value, text = given.get("value"), given.get("text")
    raw = json.dumps(value).encode() if "value" in given else text.encode() if text is not None else None
    key = given["key"] if "key" in given else value["customer_id"]
    moment = given.get("timestamp") or (value["occurred_at"] if value else "2026-11-23T14:05:09Z")
    with pytest.raises(RejectionError) as refused:
        decode(
            path.parts[-4], raw, key.encode() if key is not None else None, appended(moment), given.get("headers", {})
        )
    assert refused.value.reason == given["reason"]
    assert given["detail"] in refused.value.detail


@pytest.mark.parametrize("path", documents("adjusted", *INPUT_TOPICS))
def test_an_adjusted_example_is_accepted_and_counted_as_it_says(path: Path) -> None:
    given = json.loads(path.read_text())
    raw = given["text"] if "text" in given else json.dumps(given["value"])
    value = json.loads(raw)
    record = MemoryRecord("", 0, 0, appended(value["occurred_at"]), value["customer_id"].encode(), raw.encode())
    found: Counter[str] = Counter()
    DECODER.decode(INPUT_TOPICS.index(path.parts[-4]), record, found)
    assert dict(found) == given["adjusted"]


BEYOND_JSON_SCHEMA = {"refund_of_a_later_purchase", "time_without_offset", "time_before_1970"}
"""Rejected examples that the schema accepts: in JSON Schema, `format` is only an annotation."""


@pytest.mark.parametrize("path", documents("rejected", *INPUT_TOPICS, MEMBERSHIPS))
def test_the_schema_refuses_rejected_examples(path: Path) -> None:
    given = json.loads(path.read_text())
    if given["reason"] in {"schema", "merged_from"} and "value" in given:
        assert schema_beside(path).is_valid(given["value"]) == (path.stem in BEYOND_JSON_SCHEMA)


@pytest.mark.parametrize("path", documents("examples", MEMBERSHIPS))
def test_an_example_of_a_membership_is_valid(path: Path) -> None:
    value = TypeAdapter(MembershipRecord).validate_json(path.read_bytes())
    assert value.customer_id == "c-81"
    assert schema_beside(path).is_valid(json.loads(path.read_text()))


@pytest.mark.parametrize("path", documents("rejected", MEMBERSHIPS))
def test_a_rejected_example_of_a_membership_is_invalid(path: Path) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(MembershipRecord).validate_python(json.loads(path.read_text())["value"] | {"extra": 1})


def test_a_change_record_is_valid_by_the_schema() -> None:
    membership = Membership(
        "c-81",
        1,
        2,
        3,
        {"behaviour": 12},
        {"behaviour": SegmentMembership("behaviour-k7q2", 4, 0.8)},
        Consent(ads=False, personalisation=True),
    )
    entry = OutboxEntry("c-81", 1, 2, encode(membership), (MembershipChange("behaviour", "behaviour-k7q2", "entered"),))
    record = change_record(entry)
    assert record is not None
    assert jsonschema_rs.validator_for(topic_schemas()[MEMBERSHIPS]).is_valid(json.loads(record))


@pytest.mark.parametrize("customer", ["c-81", 'quo"ted,"model":{', "é€"])
def test_a_history_record_is_valid_by_the_schema(customer: str) -> None:
    """Issue 13, item 26."""
    membership = Membership(
        customer, 1, 2, 3, {"behaviour": 12}, {"behaviour": None}, Consent(ads=True, personalisation=True)
    )
    changes = (MembershipChange("behaviour", "behaviour-k7q2", "exited"),)
    schema = jsonschema_rs.validator_for(topic_schemas()[HISTORY])
    changed = json.loads(history_record(OutboxEntry(customer, 1, 2, encode(membership), changes)))
    assert changed == {
        "v": 1,
        "customer_id": customer,
        "epoch": 1,
        "seq": 2,
        "as_of": 3,
        "changes": [{"segmentation": "behaviour", "segment": "behaviour-k7q2", "change": "exited"}],
    }
    forgotten = json.loads(history_record(OutboxEntry(customer, 1, 3, None)))
    assert forgotten == {"v": 1, "customer_id": customer, "epoch": 1, "seq": 3, "forget": True}
    assert schema.is_valid(changed)
    assert schema.is_valid(forgotten)
    assert not schema.is_valid({"v": 1, "customer_id": customer})


def test_the_history_is_deleted_by_age_and_not_compacted() -> None:
    """Issue 13, item 26."""
    (config,) = [spec.config() for spec in TOPICS if spec.name == HISTORY]
    assert config["cleanup.policy"] == "delete"
    assert int(config["retention.ms"]) == 28 * 86_400_000
    assert int(config["segment.ms"]) == 86_400_000


def test_every_topic_has_examples_and_rejected_examples() -> None:
    for topic in (*INPUT_TOPICS, MEMBERSHIPS):
        assert len(documents("examples", topic)) >= 2
        assert len(documents("rejected", topic)) >= 3


def test_schema_files_agree_with_the_code() -> None:
    for path, text in schema_files(SCHEMAS).items():
        assert path.read_text(encoding="utf-8") == text


def test_the_command_writes_schemas_and_reports_drift(tmp_path: Path) -> None:
    run = CliRunner().invoke
    missing = run(command, ["--check", "--folder", str(tmp_path), "--json"])
    assert missing.exit_code == 1
    assert len(json.loads(missing.stdout)["drifted"]) == 9
    assert run(command, ["--write", "--folder", str(tmp_path)]).exit_code == 0
    assert run(command, ["--check", "--folder", str(tmp_path)]).exit_code == 0
    file = tmp_path / "streamseg.clicks" / "v1" / "schema.json"
    file.write_text(file.read_text().replace("128", "129"))
    drifted = run(command, ["--check", "--folder", str(tmp_path)])
    assert drifted.exit_code == 1
    assert drifted.stdout.splitlines() == [f"{file}: differs from the code, run `streamseg schemas --write`"]
