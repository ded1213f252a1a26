"""Who is on which list, by brute force straight from what was drawn: no row, hash or normal form of ours."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from streamseg.sources.event import SourceEvent, rfc3339
from tests.support.brute_audiences import DAY

FILE = """
[[audience]]
id = "people"
name = "On the list"
purpose = "ads"
rule = { list = "people" }

[[audience]]
id = "strangers"
name = "Came within 30 days, and are not on the list"
purpose = "ads"
rule.all = [ { event = "visit", within = "30 days" }, { not = { list = "people" } } ]

[[audience]]
id = "either"
name = "On one of the lists"
purpose = "content"
rule.any = [ { list = "people" }, { list = "ids" } ]
"""


@dataclass
class People:
    """Who says which address when, and how it is written each time."""

    draw: random.Random
    said: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Kind and person by event id: the person stands for the address; None takes it away."""

    def profile(self, customer: str, at: float, number: int) -> SourceEvent:
        """A profile with an address, written in some way."""
        kind, person = self.draw.choice(["email", "phone"]), self.draw.randrange(60)
        gone = self.draw.random() < 0.1
        given = None if gone else self.written(kind, person)
        event_id = f"said-{number}"
        self.said[event_id] = (kind, None if gone else f"{kind}-{person}")
        return event(customer, event_id, at, "profile", traits={kind: given})

    def written(self, kind: str, person: int, *, listed: bool = False) -> str:
        """The address of a person in one of its spellings, or its hash.

        Only listed phone numbers are hashed, in either form: two hashes of different forms cannot be compared.
        """
        if kind == "email":
            at_gmail = person % 3 == 0
            plain = f"person{person}@{'gmail.com' if at_gmail else 'web.nl'}"
            spelled = [plain.upper(), f" {plain}", plain, sha256(plain.encode()).hexdigest()]
            dotted = f"p.erson{person}+{self.draw.randrange(9)}@gmail.com"
            return self.draw.choice([*spelled, dotted] if at_gmail else spelled)
        digits = f"6{person:08}"
        hashes = [sha256(f"{plus}31{digits}".encode()).hexdigest() for plus in ("+", "") if listed]
        return self.draw.choice([f"0{digits}", f"+31 {digits[:1]}-{digits[1:]}", f"0031{digits}", *hashes])


def event(customer: str, event_id: str, at: float, kind: str, **fields: Any) -> SourceEvent:
    """An event of a customer."""
    body = {"event_id": event_id, "customer_id": customer, "occurred_at": rfc3339(at)} | fields
    return SourceEvent(kind, event_id, customer, at, json.dumps(body).encode())


def with_profiles(events: Sequence[SourceEvent], people: People, share: float) -> list[SourceEvent]:
    """The events, and after some of them a profile of their customer; each at a time of its own."""
    made = []
    for number, one in enumerate(events):
        made.append(one)
        if people.draw.random() < share:
            made.append(people.profile(one.customer_id, one.occurred_at + 0.001, number))
    return made


def addresses_of(events: Iterable[SourceEvent], said: dict[str, tuple[str, str | None]]) -> dict[str, set[str]]:
    """Return whose addresses each customer has by their latest words, after the latest erasure."""
    latest: dict[tuple[str, str], tuple[float, str | None]] = {}
    for one in sorted(events, key=lambda one: one.occurred_at):
        if one.kind == "erasure":
            latest = {key: told for key, told in latest.items() if key[0] != one.customer_id}
        elif one.kind == "profile":
            kind, person = said.get(one.event_id, ("email", one.customer_id))
            latest[one.customer_id, kind] = one.occurred_at, person
    found: dict[str, set[str]] = {}
    for (customer, _), (_, person) in latest.items():
        if person is not None:
            found.setdefault(customer, set()).add(person)
    return found


@dataclass(frozen=True)
class Lists:
    """The plain entries of both lists, and when that of people ends."""

    people: frozenset[str]
    ends: float
    ids: frozenset[str]


def members_of(
    events: Sequence[SourceEvent], said: dict[str, tuple[str, str | None]], lists: Lists, now: float
) -> dict[str, set[str]]:
    """Return the customers of each audience of `FILE` at a moment, epoch seconds; empty ones are left out."""
    erased = {one.customer_id: one.occurred_at for one in events if one.kind == "erasure"}
    living = [one for one in events if one.occurred_at > erased.get(one.customer_id, 0.0)]
    known, visits = {one.customer_id for one in living}, set()
    for one in living:
        if one.kind == "click" or (one.kind == "purchase" and json.loads(one.value).get("event_name") != "refund"):
            visits |= {one.customer_id} if int(one.occurred_at) > int(now) - 30 * DAY else set()
    addresses = addresses_of(events, said)
    people = {one for one in known if addresses.get(one, set()) & lists.people} if now < lists.ends else set()
    found = {"people": people, "strangers": visits - people, "either": people | (known & lists.ids)}
    return {name: inside for name, inside in found.items() if inside}
