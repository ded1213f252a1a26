"""Identifiers have the normal forms, and so the hashes, that ad platforms document."""

from hashlib import sha256

import pytest

from streamseg.features.identifiers.hashes import MISSING, given_hash, identifier_hashes, short_hash
from streamseg.features.identifiers.normal_forms import Forms, IdentifierKind, normal_forms


@pytest.mark.parametrize(
    ("written", "google", "meta"),
    [
        # Examples of Google's page
        ("cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com", None),
        ("user.name+NYC@Example.com", "user.name+nyc@example.com", "user.name+nyc@example.com"),
        # of Meta's page
        (" John_Smith@gmail.com", "john_smith@gmail.com", "john_smith@gmail.com"),
        ("A.B.C@GoogleMail.com ", "abc@googlemail.com", "a.b.c@googlemail.com"),
        ("jan @ web . nl", "jan@web.nl", "jan@web.nl"),
        ("jan@mail.gmail.com", "jan@mail.gmail.com", "jan@mail.gmail.com"),
        ("åsa@exempel.se", "åsa@exempel.se", "åsa@exempel.se"),
    ],
)
def test_an_email_address_has_the_documented_forms(written: str, google: str, meta: str | None) -> None:
    assert normal_forms("email", written, "") == Forms(google, meta or written.strip().lower())


@pytest.mark.parametrize(
    ("written", "code", "digits"),
    [
        ("(800)555-0100", "1", "18005550100"),  # Google's page
        ("(650)555-1212", "1", "16505551212"),  # Meta's page
        ("+1 (650) 555-1212", "", "16505551212"),
        ("1-650-555-1212", "1", "16505551212"),
        ("06 12 34 56 78", "31", "31612345678"),
        ("612345678", "31", "31612345678"),
        ("31612345678", "31", "31612345678"),
        ("+31 (0)6 - 12345678", "46", "31612345678"),
        ("0031.6.12345678", "46", "31612345678"),
        ("06 698 12345", "39", "390669812345"),  # the 0 belongs to Italian numbers
        ("393 1234567", "39", "393931234567"),
        ("06 20 123 4567", "36", "36201234567"),
        ("8 (912) 345-67-89", "7", "79123456789"),
        ("45 12 34 56", "45", "4545123456"),
        ("4545123456", "45", "4545123456"),
    ],
)
def test_a_phone_number_has_the_documented_forms(written: str, code: str, digits: str) -> None:
    assert normal_forms("phone", written, code) == Forms(f"+{digits}", digits)


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        ("email", "jan", ""),
        ("email", "@web.nl", ""),
        ("email", "jan@web", ""),
        ("email", "jan@@web.nl", ""),
        ("email", "+x@gmail.com", ""),
        ("email", "j" * 250 + "@web.nl", ""),
        ("phone", "06 12345678", ""),
        ("phone", "+31 6 1234567890123", ""),
        ("phone", "+12345", ""),
        ("phone", "+0612345678", "31"),
        ("phone", "020-CALL-NOW", "31"),
        ("phone", "٠٦١٢٣٤٥٦٧٨", "31"),
        ("phone", "", "31"),
    ],
)
def test_what_is_no_identifier_has_no_form(kind: IdentifierKind, written: str, code: str) -> None:
    assert normal_forms(kind, written, code) is None


def test_hashes_are_the_first_bytes_of_those_that_meta_documents() -> None:
    email = int("62a14e44f765419d", 16), int("62a14e44f765419d", 16)
    assert identifier_hashes("email", "John_Smith@gmail.com", "") == email
    google, meta = identifier_hashes("phone", "(650)555-1212", "1") or MISSING
    assert meta == int("e323ec626319ca94", 16)
    assert google == int(sha256(b"+16505551212").hexdigest()[:16], 16)


def test_a_given_hash_stands_for_both_forms() -> None:
    given = sha256(b"jan@web.nl").hexdigest()
    assert identifier_hashes("email", given.upper(), "") == identifier_hashes("email", "Jan@web.nl", "")
    assert identifier_hashes("phone", f" {given} ", "") == (short_hash("jan@web.nl"),) * 2


def test_a_number_is_a_phone_number_and_no_email_address() -> None:
    assert identifier_hashes("phone", 612345678.0, "31") == identifier_hashes("phone", "+31612345678", "")
    assert identifier_hashes("email", 612345678.0, "31") is None
    assert identifier_hashes("email", True, "31") is None


def test_nothing_takes_an_identifier_away_and_the_hash_of_nothing_is_none() -> None:
    assert identifier_hashes("email", None, "") == identifier_hashes("phone", "  ", "") == MISSING
    assert given_hash(sha256(b"").hexdigest()) is None
    assert identifier_hashes("email", sha256(b"").hexdigest(), "") is None
