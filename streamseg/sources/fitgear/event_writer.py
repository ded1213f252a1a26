"""Writes FitGear's drawn sessions as events in streamseg's own JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear.goods import goods
from streamseg.sources.fitgear.newsletter import email_hash
from streamseg.sources.fitgear.population import Population
from streamseg.sources.fitgear.visits import CART, CLICK_NAMES, PURCHASE, VIEW, Visits
from streamseg.time_units import DAY_SECONDS

_PROFILE_SHARE: Final = 0.6
_CONSENT_SHARE: Final = 0.7
_ADS_SHARE: Final = 0.75
_COUNTRIES: Final = ("NL", "SE", "DE", "FR", "GB", "ES")
_REFUND_DAYS: Final = (2.0, 14.0)

_encode: Final = msgspec.json.Encoder().encode


class EventWriter:
    """Writes the events of one run and schedules the refunds of its purchases.

    Args:
        id_prefix: of the ids of this run.
        currency: of all prices.
        population: the customers.
        rng: random source of refunds, profiles and consents.
    """

    def __init__(self, id_prefix: str, currency: str, population: Population, rng: np.random.Generator) -> None:
        self._id_prefix = id_prefix
        self._currency = currency
        self._population = population
        self._rng = rng
        self._written = 0
        self._refunds: list[tuple[float, dict[str, Any]]] = []
        """Time and purchase of each refund to come."""

    def events(self, drawn: Visits) -> Iterator[SourceEvent]:
        """Yield the clicks and purchases of a day, in order of time. Money is exact: cents until it is written."""
        ids, currency, batch = self._population.ids, self._currency, self._written
        customers, mobiles = drawn.customer.tolist(), drawn.mobile.tolist()
        moments = rfc3339(drawn.event_at)
        columns = [
            column.tolist() for column in (drawn.event_at, drawn.event_kind, drawn.event_session, drawn.event_line)
        ]
        refunds = self._draw_refunds(drawn)
        for moment, at, kind, session, line in zip(moments, *columns, strict=True):
            body = self._body(ids[customers[session]], moment)
            if kind == PURCHASE:
                self._add_purchase(body, drawn, session)
                if session in refunds:
                    self._refunds.append((at + refunds[session], body))
                yield _event("purchase", body, at)
                continue
            body["event_name"] = CLICK_NAMES[kind]
            body["session_id"] = f"s-{self._id_prefix}-{batch}-{session}"
            body["device_category"] = "mobile" if mobiles[session] else "desktop"
            if kind in (VIEW, CART):
                body["currency"] = currency
                body["items"] = [_item(drawn, line, 1)]
            yield _event("click", body, at)

    def introductions(self, newcomers: NDArray[np.intp]) -> list[SourceEvent]:
        """Return profiles and consents of the customers who join, at the time they join."""
        population = self._population
        joins_at = population.joins_at[newcomers]
        events = []
        for customer, at, moment, (tells, country, allows, ads) in zip(
            newcomers.tolist(),
            joins_at.tolist(),
            rfc3339(joins_at),
            self._rng.random((len(newcomers), 4)).tolist(),
            strict=True,
        ):
            if tells < _PROFILE_SHARE:
                customer_id = population.ids[customer]
                traits = {
                    "age": int(population.age[customer]),
                    "country": _COUNTRIES[int(country * len(_COUNTRIES))],
                    "email": email_hash(customer_id),
                }
                events.append(_event("profile", self._body(customer_id, moment) | {"traits": traits}, at))
            if allows < _CONSENT_SHARE:
                consent = {"ads": ads < _ADS_SHARE, "personalisation": True}
                events.append(
                    _event("consent", self._body(population.ids[customer], moment) | {"consent": consent}, at)
                )
        return events

    def refunds(self, until: float) -> list[SourceEvent]:
        """Return the refunds before `until` (epoch seconds), each once."""
        due = [one for one in self._refunds if one[0] < until]
        self._refunds = [one for one in self._refunds if one[0] >= until]
        return [
            _event("purchase", bought | self._body(bought["customer_id"], moment) | {"event_name": "refund"}, at)
            for (at, bought), moment in zip(due, rfc3339([at for at, _ in due]), strict=True)
        ]

    def _body(self, customer_id: str, moment: str) -> dict[str, Any]:
        self._written += 1
        return {"event_id": f"{self._id_prefix}-{self._written}", "customer_id": customer_id, "occurred_at": moment}

    def _add_purchase(self, body: dict[str, Any], drawn: Visits, session: int) -> None:
        first = int(drawn.first_line[session])
        lines = slice(first, first + int(drawn.carted[session]))
        prices, pieces = drawn.line_price[lines], drawn.line_pieces[lines].tolist()
        body["event_name"] = "purchase"
        body["transaction_id"] = f"o-{body['event_id']}"
        body["value"] = int(prices @ pieces) / 100
        body["currency"] = self._currency
        if drawn.coupon[session]:
            body["coupon"] = "FIT10"
        body["items"] = [_item(drawn, line, count) for line, count in enumerate(pieces, first)]

    def _draw_refunds(self, drawn: Visits) -> dict[int, float]:
        """Return the seconds until the refund, by session whose purchase (if it has one) is refunded."""
        refunded = np.flatnonzero(self._rng.random(len(drawn.customer)) < drawn.refund_share)
        after = np.floor(self._rng.uniform(*_REFUND_DAYS, len(refunded)) * DAY_SECONDS)
        return dict(zip(refunded.tolist(), after.tolist(), strict=True))


def _item(drawn: Visits, line: int, quantity: int) -> dict[str, Any]:
    number, discount = drawn.line_item[line], int(drawn.line_discount[line])
    item = {
        "item_id": goods().ids[number],
        "item_category": goods().categories[number],
        "price": int(drawn.line_price[line]) / 100,
        "quantity": quantity,
    }
    return item | {"discount": discount / 100} if discount else item


def _event(kind: str, body: dict[str, Any], at: float) -> SourceEvent:
    return SourceEvent(kind, body["event_id"], body["customer_id"], at, _encode(body))


def rfc3339(at: Sequence[float] | NDArray[np.float64]) -> list[str]:
    """Format epoch seconds (n,) as text in UTC, to the millisecond."""
    milliseconds = np.round(np.asarray(at, dtype=np.float64) * 1000).astype("datetime64[ms]")
    return [str(moment) for moment in np.datetime_as_string(milliseconds, timezone="UTC")]
