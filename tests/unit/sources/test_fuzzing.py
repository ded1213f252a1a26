"""The fuzzer: every broken record is accepted or rejected, and a seed repeats its records."""

import json

from click.testing import CliRunner

from streamseg.commands.fuzz import command
from streamseg.events.rejection import Reason
from streamseg.sources.fuzzing import fuzz


def test_every_broken_record_is_accepted_or_rejected_with_a_reason() -> None:
    report = fuzz(4_000, seed=7)
    assert report.tried == 4_000 == report.accepted + report.rejected.total()
    assert (report.crashed, report.poisoned, report.crashes) == (0, 0, [])
    assert report.accepted > 100
    assert {Reason.NOT_JSON, Reason.SCHEMA, Reason.TOO_LARGE, Reason.FUTURE, Reason.WRONG_KEY} <= set(report.rejected)


def test_the_same_seed_gives_the_same_records() -> None:
    assert fuzz(600, seed=3) == fuzz(600, seed=3) != fuzz(600, seed=4)


def test_the_command_prints_one_json_document() -> None:
    answer = CliRunner().invoke(command, ["--records", "200", "--seed", "5", "--json"])
    assert answer.exit_code == 0
    report = json.loads(answer.stdout)
    assert report["tried"] == report["accepted"] + sum(report["rejected"].values())
    assert report["crashed"] == report["poisoned"] == 0
