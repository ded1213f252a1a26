"""Keys and webhooks that commands create, change and remove are in `streamseg audit`, and their secrets are not."""

import json

import pytest

from tests.support.api import run_command

pytestmark = pytest.mark.integration


def test_keys_and_webhooks_of_commands_are_audited_without_their_secrets(clean_redis: str) -> None:
    environment = {"STREAMSEG_REDIS__URL": clean_redis}

    def ran(*arguments: str) -> str:
        done = run_command(*arguments, environment=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    made = json.loads(ran("keys", "create", "ann", "--console", "editor", "--json"))
    next_one = json.loads(ran("keys", "rotate", "ann", "--json"))
    ran("keys", "revoke", made["id"])
    hook = ("webhooks", "add", "crm", "--json")
    secret = json.loads(ran(*hook, "https://crm.example/hook"))["secret"]
    ran(*hook, "https://crm.example/hook", "--segment", "behaviour-*", "--replace")
    ran("webhooks", "remove", "crm")

    said = ran("audit", "--json")
    changes = json.loads(said)["changes"]
    assert [(one["action"], one["subject"], one["role"]) for one in changes] == [
        ("create key", made["id"], "command line"),
        ("create key", next_one["id"], "command line"),
        ("change key", made["id"], "command line"),
        ("revoke key", made["id"], "command line"),
        ("add webhook", "crm", "command line"),
        ("change webhook", "crm", "command line"),
        ("remove webhook", "crm", "command line"),
    ]
    assert changes[2]["after"] == changes[2]["before"] | {"expires": next_one["old_keys_expire"]}
    assert (changes[5]["before"]["segments"], changes[5]["after"]["segments"]) == ([], ["behaviour-*"])
    assert all(one["who"] for one in changes)
    assert not any(word in said for word in (made["key"], next_one["key"], secret))
