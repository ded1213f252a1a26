"""`streamseg lists` reports what is in a file in lines of 80 columns, and never a value of it."""

from datetime import date
from pathlib import Path

import click
import pytest

from streamseg.audiences.lists.list_files import read_list
from streamseg.commands.lists import _expiry, _id, _print_counts, _print_read
from streamseg.service.lists import ListCounts
from tests.support.text_output import assert_fits

pytestmark = pytest.mark.usefixtures("terminal")
CONTEXT = click.Context(click.Command("add"))
OPTION = click.Argument(["name"])


def test_the_report_has_counts_and_reasons_and_no_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "list.csv"
    wrong = [f"secret-{number}" for number in range(1_200)]
    file.write_text("\n".join(["email;phone", "a@web.nl;", "A@WEB.nl;", *wrong, ";0612", "d" * 32]))
    _print_read(read_list(file, country_code="31"))
    _print_counts(ListCounts(customers=1_234_567, identified=900_000, matched=2, unknown=3), ("email", "phone"))
    output = capsys.readouterr().out
    assert_fits(output)
    plain = " ".join(output.split())
    assert "1,204 lines, 2 valid, 1 of these duplicates: 2 e-mail addresses" in plain
    assert "1,202 invalid: 1,200 no e-mail address; 1 no phone number; 1 MD5, not SHA-256" in plain
    assert "the first: line 4: no e-mail address; line 5: no e-mail address" in plain
    assert "2 of 1,234,567 known customers are on it now, of 3 it cannot be told yet" in plain
    assert "secret" not in output


def test_an_id_and_an_expiry_are_checked_before_anything_is_read() -> None:
    assert _id(CONTEXT, OPTION, "spring-2027") == "spring-2027"
    assert _expiry(CONTEXT, OPTION, "2027-01-31") == date(2027, 1, 31)
    assert _expiry(CONTEXT, OPTION, None) is None
    for wrong in ("VIP", "a_b", "a.b", "x" * 65, ""):
        with pytest.raises(click.BadParameter, match="small letters and digits"):
            _id(CONTEXT, OPTION, wrong)
    with pytest.raises(click.BadParameter, match="must be a date such as"):
        _expiry(CONTEXT, OPTION, "31-01-2027")
