import json

from click.testing import CliRunner

from streamseg.commands.fuzz import command
from streamseg.events.rejection import Reason
from streamseg.sources.fuzzing import fuzz


def test_every_broken_record_is_accepted_or_rejected_with_a_reason() -> None:
    fuzzed = fuzz(4_000, seed=7)
    assert fuzzed.tried == 4_000 == fuzzed.accepted + fuzzed.rejected.total()
    assert (fuzzed.crashed, fuzzed.poisoned, fuzzed.crashes) == (0, 0, [])
    assert fuzzed.accepted > 100
    assert {Reason.NOT_JSON, Reason.SCHEMA, Reason.TOO_LARGE, Reason.FUTURE, Reason.WRONG_KEY} <= set(fuzzed.rejected)


def test_the_same_seed_breaks_the_same_records() -> None:
    assert fuzz(600, seed=3) == fuzz(600, seed=3) != fuzz(600, seed=4)


def test_the_command_prints_one_document() -> None:
    answer = CliRunner().invoke(command, ["--records", "200", "--seed", "5", "--json"])
    assert answer.exit_code == 0
    report = json.loads(answer.stdout)
    assert report["tried"] == report["accepted"] + sum(report["rejected"].values())
    assert report["crashed"] == report["poisoned"] == 0
