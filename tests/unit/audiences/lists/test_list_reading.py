"""A list is read from files as people have them, and the report says what is in it without saying a value."""

from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamseg.audiences.lists.content import DamagedListError, ListContent
from streamseg.audiences.lists.list_files import ReadList, read_list
from streamseg.errors import SettingsError
from streamseg.features.identifiers.hashes import short_hash

HASH = sha256(b"jan@web.nl").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def read(file: Path, text: str, **how: Any) -> ReadList:
    file.write_bytes(text.encode())
    return read_list(file, **how)


def told(found: ReadList) -> tuple[int, int, int, dict[str, int]]:
    return found.lines, found.valid, found.duplicates, found.counted


@pytest.mark.parametrize(
    ("text", "lines", "kinds"),
    [
        ("c-1\nc-2\n\n c-1 \n", (3, 3, 1, {"id": 3}), ("id",)),
        ("17850\r\n17851\r\n", (2, 2, 0, {"id": 2}), ("id",)),
        ("jan@web.nl\nJAN@web.nl\npiet@web.nl\n", (3, 3, 1, {"email": 3}), ("email",)),
        (f"jan@web.nl\n{HASH}\n+31612345678\n", (3, 3, 1, {"email": 1, "hash": 1, "phone": 1}), ("email", "phone")),
        (f"{HASH}\n{HASH.upper()}\n", (2, 2, 1, {"hash": 2}), ("email", "phone")),
        ("\ufeffE-Mail\njan@web.nl\n", (1, 1, 0, {"email": 1}), ("email",)),
        ('Customer ID;Name\nc-1;"Jan; sr"\nc-2;Piet\n', (2, 2, 0, {"id": 2}), ("id",)),
        ("Name\tPhone\tEmail\nJan\t+31612345678\tjan@web.nl\nPiet\t\tpiet@web.nl\n",
         (2, 2, 0, {"email": 2, "phone": 1}), ("email", "phone")),
        ("customer_id,email\nc-1,\n,jan@web.nl\n", (2, 2, 0, {"id": 1, "email": 1}), ("email", "id")),
    ],
)  # fmt: skip
def test_the_kind_is_found(file: Path, text: str, lines: tuple[Any, ...], kinds: tuple[str, ...]) -> None:
    found = read(file, text)
    assert (told(found), found.kinds) == (lines, kinds)


def test_the_kind_and_the_column_can_be_given(file: Path) -> None:
    assert read(file, "0612345678\n", kind="phone", country_code="31").content.entries == 2
    assert read(file, "a,b\n1,c-1\n", column="B").content.ids.tolist() == [short_hash("c-1")]
    assert read(file, "email,key\nx@web.nl,c-1\n", column="key", kind="id").content.ids.tolist() == [short_hash("c-1")]
    assert read(file, "email,phone\nx@web.nl,+31612345678\n", kind="phone").counted == {"phone": 1}
    assert read(file, "em\n" + HASH, kind="hash").counted == {"hash": 1}


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("", {}, "is empty"),
        ("a,b\n1,2\n", {}, "no heading of its columns is known: name one with --column"),
        ("a,b\n1,2\n", {"column": "c"}, "has no column c"),
        ("email,phone\n", {"kind": "id"}, "no heading tells where the id is: name the column with --column"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(file: Path, text: str, how: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read(file, text, **how)


def test_invalid_lines_are_counted_and_shown_by_their_number_and_never_by_their_value(file: Path) -> None:
    secret = "secret-person"
    lines = [
        "email", "jan@web.nl", secret, "", f"{secret}@", "a" * 32, sha256(b"").hexdigest(), "b" * 40, "\x00" * 3,
    ]  # fmt: skip
    found = read(file, "\n".join(lines))
    assert (found.lines, found.valid) == (7, 1)
    assert [(one.line, one.reason) for one in found.invalid] == [
        (3, "no e-mail address"),
        (5, "no e-mail address"),
        (6, "MD5, not SHA-256"),
        (7, "the SHA-256 of an empty text"),
        (8, "SHA-1, not SHA-256"),
        (9, "no e-mail address"),
    ]
    assert found.reasons["no e-mail address"] == 3
    assert secret not in str({**asdict(found), "content": None})


def test_reasons_say_what_to_do(file: Path) -> None:
    def reason(text: str, **how: Any) -> str:
        return read(file, text, **how).invalid[0].reason

    assert reason("0612345678", kind="phone") == (
        "a phone number without country code: setting audiences.phone_country_code"
    )
    assert reason("12", kind="phone") == "no phone number"
    assert reason("jan", kind="hash") == "no SHA-256: 64 hexadecimal digits"
    assert reason("a b", kind="id") == "no customer id: 1 to 256 characters without white space and braces"
    assert reason("email,phone\n,\n") == "empty"
    assert reason("email,phone\n,12\n") == "no phone number"
    assert reason("id\n" + "x" * 70_000) == "empty"


def test_only_the_first_invalid_lines_are_kept(file: Path) -> None:
    found = read(file, "email\n" + "x\n" * 500 + "jan@web.nl\n")
    assert (len(found.invalid), found.reasons, found.valid) == (20, {"no e-mail address": 500}, 1)


def test_an_address_at_gmail_and_a_phone_number_have_a_hash_for_each_form(file: Path) -> None:
    found = read(file, "jan.p@gmail.com\njanp@gmail.com\njan@web.nl\n+31612345678\n", kind="address")
    assert (found.valid, found.duplicates, found.content.entries) == (4, 1, 2 + 1 + 2)


def test_a_damaged_content_is_refused() -> None:
    good = ListContent.of([1], [2, 3]).encode()
    assert len(good) == 16 + 8 * 3
    for damaged in (b"", good[:-1], np.array([2, 0], "<u8").tobytes(), np.array([1, 9], "<u8").tobytes()):
        with pytest.raises(DamagedListError):
            ListContent.decode(damaged)
