"""`lookup --why` says of each audience what its rule asks, what is so, and until when."""

from typing import Any

import pytest

from streamseg.commands.lookup import print_audiences

AT = 1_795_000_000
REASONS: dict[str, dict[str, Any]] = {
    "win-back": {
        "member": True,
        "since": AT,
        "until": AT + 86_400,
        "clauses": [
            [
                {"asks": "purchase at least 2 times within 90 days", "wanted": True, "is": True, "value": 3,
                 "until": AT + 86_400},
                {"asks": "visit within 14 days", "wanted": False, "is": False, "value": None, "until": None},
            ],
            [{"asks": "spent at least 90.00 EUR within 9 days", "wanted": True, "is": None, "value": 12.5,
              "until": None}],
        ],
    },
    "new": {"member": False, "since": None, "until": None, "clauses": []},
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        (
            "en",
            [
                "win-back: in since 2026-11-18T11:06:40Z, until 2026-11-19T11:06:40Z",
                "+ purchase at least 2 times within 90 days: yes (3), until 2026-11-19T11:06:40Z",
                "+ visit within 14 days: no, must not be",
                "or",
                "- spent at least 90.00 EUR within 9 days: not known yet (12.5)",
                "new: not in",
            ],
        ),
        ("nl", ["tot 2026-11-19T11:06:40Z", "nee, mag niet zo zijn", "nog niet bekend (12.5)", "new: er niet in"]),
        ("sv", ["till 2026-11-19T11:06:40Z", "nej, får inte vara så", "inte känt än (12.5)", "new: inte med"]),
    ],
)
def test_reasons_are_told_in_each_language(language: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    print_audiences(REASONS, language)
    told = " ".join(capsys.readouterr().out.split())
    for line in lines:
        assert line in told
