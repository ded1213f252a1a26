"""Laws of identifiers: order and batches do not change a row, and the way of writing does not change a hash."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.audiences.lists.content import ListContent, among
from streamseg.audiences.lists.list_files import read_list
from streamseg.errors import SettingsError
from streamseg.events.types import Profile
from streamseg.features.identifiers.hashes import identifier_hashes, short_hash
from streamseg.features.layout import Layout
from tests.support.rows import NOON, Slab, erasure, profile

LAYOUT = Layout.of(identifiers=("email", "phone"), phone_country_code="31", remembered_event_ids=64)
EMAILS = ("a.b@gmail.com", "ab@gmail.com", "A@web.nl", "nobody", "", sha256(b"a@web.nl").hexdigest(), None, 3)
PHONES = ("06-12345678", "+31612345678", "0612345679", "n/a", "", None, 612345678, sha256(b"31612345678").hexdigest())
FIELDS = ("identifiers", "identified_at", "identified_from", "attributes", "last_seen")
traits = st.fixed_dictionaries({}, optional={"email": st.sampled_from(EMAILS), "phone": st.sampled_from(PHONES)})
profiles = st.builds(lambda at, told: profile(NOON + at, **told), st.integers(0, 3), traits)
local = st.from_regex(r"[a-z]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)
emails = st.builds("{}@{}".format, local, st.sampled_from(["gmail.com", "googlemail.com", "web.nl", "mail.co.uk"]))
mobiles = st.from_regex(r"6[0-9]{8}", fullmatch=True)


def row_of(batches: list[list[Profile]], erased: float | None = None) -> list[list[object]]:
    slab = Slab(LAYOUT)
    if erased is not None:
        slab.feed([erasure(erased)])
    for batch in batches:
        slab.feed(batch)
    return [slab.rows.slab[name][0].tolist() for name in FIELDS]


@settings(max_examples=100, deadline=None)
@given(history=st.lists(profiles, min_size=1, max_size=7), data=st.data(), erased=st.none() | st.integers(0, 3))
def test_order_and_batches_do_not_change_the_identifiers_of_a_row(
    history: list[Profile], data: st.DataObject, erased: int | None
) -> None:
    at = None if erased is None else NOON + erased
    order = data.draw(st.permutations(history))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    batches = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True) if start < end]
    twice = [*batches, order[:1]]  # read again under a new offset: the ring knows it
    assert row_of(twice, at) == row_of([[one] for one in history], at)


@settings(max_examples=100, deadline=None)
@given(email=emails, data=st.data())
def test_an_email_address_has_one_hash_however_it_is_written(email: str, data: st.DataObject) -> None:
    drawn = [letter.upper() if data.draw(st.booleans()) else letter for letter in email]
    space = st.sampled_from(["", " ", "\t", "\u00a0"])
    name, _, domain = "".join(drawn).partition("@")
    written = data.draw(space) + name + data.draw(space) + "@" + domain + data.draw(space)
    assert identifier_hashes("email", written, "") == identifier_hashes("email", email, "")
    google, _ = identifier_hashes("email", email, "") or (0, 0)
    at_gmail = domain.lower() in {"gmail.com", "googlemail.com"}
    dotted = f"{'.'.join(name)}+news@{domain}"
    assert (google == (identifier_hashes("email", dotted, "") or (0,))[0]) == at_gmail


@settings(max_examples=100, deadline=None)
@given(mobile=mobiles, data=st.data())
def test_a_phone_number_has_one_hash_however_it_is_written(mobile: str, data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(["+31", "0031", "0", "+31 (0)", "", "31"]))
    between = st.sampled_from(["", " ", "-", ".", " - ", "/"])
    written = start + "".join(data.draw(between) + digit for digit in mobile)
    assert identifier_hashes("phone", written, "31") == (short_hash(f"+31{mobile}"), short_hash(f"31{mobile}"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists") / "list.csv"


@settings(max_examples=60, deadline=None)
@given(people=st.lists(st.tuples(emails, mobiles), min_size=1, max_size=12), data=st.data())
def test_a_list_has_those_on_it_in_every_form_and_nobody_else(
    people: list[tuple[str, str]], data: st.DataObject, file: Path
) -> None:
    forms = {
        0: lambda email, mobile: f"{email.upper()},0{mobile}",
        1: lambda email, mobile: f"{email},",
        2: lambda email, mobile: f",+31{mobile}",
        3: lambda email, mobile: f"{sha256(email.encode()).hexdigest()},",
        4: lambda email, mobile: f"no address,{sha256(f'31{mobile}'.encode()).hexdigest()}",
    }
    chosen = data.draw(st.lists(st.sampled_from(sorted(forms)), min_size=len(people), max_size=len(people)))
    lines = [forms[one](*person) for one, person in zip(chosen, people, strict=True)]
    file.write_text("\n".join(["E-mail,Phone", *lines, "nobody,nothing"]))
    read = read_list(file, country_code="31")
    assert (read.lines, read.valid) == (len(people) + 1, len(people))
    for email, mobile in people:
        row = Slab(LAYOUT)
        row.feed([profile(NOON, email=email, phone=f"+31{mobile}")])
        assert among(read.content.identifiers, row.rows.identifiers[0]).any()
    other = Slab(LAYOUT)
    other.feed([profile(NOON, email="nobody@else.example", phone="+31700000000")])
    assert not among(read.content.identifiers, other.rows.identifiers[0]).any()


@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=200)
    | st.text(st.sampled_from('a1@.,;\t"\n\r +-(\x00\ud7ff'), max_size=60).map(lambda text: text.encode())
)
def test_any_file_is_read_or_refused(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    try:
        read = read_list(file, country_code="31")
    except SettingsError:
        return
    assert 0 <= read.duplicates <= read.valid <= read.lines
    assert sum(read.reasons.values()) == read.lines - read.valid
    assert all(one.line > 0 and one.reason in read.reasons for one in read.invalid)


@settings(max_examples=100, deadline=None)
@given(
    ids=st.lists(st.integers(1, 2**64 - 1), max_size=20),
    identifiers=st.lists(st.integers(1, 2**64 - 1), max_size=20),
    asked=st.lists(st.integers(0, 2**64 - 1), max_size=20),
)
def test_a_content_is_the_set_of_its_hashes(ids: list[int], identifiers: list[int], asked: list[int]) -> None:
    content = ListContent.decode(ListContent.of(ids, identifiers).encode())
    assert (content.ids.tolist(), content.identifiers.tolist()) == (sorted({*ids}), sorted({*identifiers}))
    all_asked = np.array([*asked, *ids[:3]], dtype=np.uint64)
    assert among(content.ids, all_asked).tolist() == [one in {*ids} for one in all_asked.tolist()]
