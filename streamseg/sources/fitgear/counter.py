"""FitGear's shop counter: writes down what was drawn as events in the project's words."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.sources.event import SourceEvent
from streamseg.sources.fitgear.goods import goods
from streamseg.sources.fitgear.population import Population
from streamseg.sources.fitgear.visits import CART, CLICK_NAMES, PURCHASE, VIEW, Visits
from streamseg.time_units import DAY_SECONDS

_PROFILE_SHARE: Final = 0.6
_CONSENT_SHARE: Final = 0.7
_ADS_SHARE: Final = 0.75
_COUNTRIES: Final = ("NL", "SE", "DE", "FR", "GB", "ES")
_REFUND_DAYS: Final = (2.0, 14.0)

_encode: Final = msgspec.json.Encoder().encode


class Counter:
    """Numbers the events of one run and remembers which purchases will come back.

    Args:
        lot: what the ids of this run begin with.
        currency: of all prices.
        population: the customers.
        rng: luck of refunds, profiles and consents.
    """

    def __init__(self, lot: str, currency: str, population: Population, rng: np.random.Generator) -> None:
        self._lot = lot
        self._currency = currency
        self._population = population
        self._rng = rng
        self._sent = 0
        self._returns: list[tuple[float, dict[str, Any]]] = []

    def events(self, drawn: Visits) -> Iterator[SourceEvent]:
        """The clicks and purchases of a day, in order of time. Money is exact: cents until it is written."""
        ids, currency, lot = self._population.ids, self._currency, self._sent
        customers, mobiles = drawn.customer.tolist(), drawn.mobile.tolist()
        moments = rfc3339(drawn.event_at)
        columns = [
            column.tolist() for column in (drawn.event_at, drawn.event_kind, drawn.event_session, drawn.event_line)
        ]
        returns = self._draw_returns(drawn)
        for moment, at, kind, session, line in zip(moments, *columns, strict=True):
            body = self._body(ids[customers[session]], moment)
            if kind == PURCHASE:
                self._buy(body, drawn, session)
                if session in returns:
                    self._returns.append((at + returns[session], body))
                yield _sealed("purchase", body, at)
                continue
            body["event_name"] = CLICK_NAMES[kind]
            body["session_id"] = f"s-{self._lot}-{lot}-{session}"
            body["device_category"] = "mobile" if mobiles[session] else "desktop"
            if kind in (VIEW, CART):
                body["currency"] = currency
                body["items"] = [_item(drawn, line, 1)]
            yield _sealed("click", body, at)

    def introductions(self, newcomers: NDArray[np.intp]) -> list[SourceEvent]:
        """Profiles and consents of those who join, at the moment of their joining."""
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
                traits = {"age": int(population.age[customer]), "country": _COUNTRIES[int(country * len(_COUNTRIES))]}
                events.append(_sealed("profile", self._body(population.ids[customer], moment) | {"traits": traits}, at))
            if allows < _CONSENT_SHARE:
                consent = {"ads": ads < _ADS_SHARE, "personalisation": True}
                events.append(
                    _sealed("consent", self._body(population.ids[customer], moment) | {"consent": consent}, at)
                )
        return events

    def refunds(self, until: float) -> list[SourceEvent]:
        """Those that are given before `until`, each once."""
        due = [one for one in self._returns if one[0] < until]
        self._returns = [one for one in self._returns if one[0] >= until]
        return [
            _sealed("purchase", bought | self._body(bought["customer_id"], moment) | {"event_name": "refund"}, at)
            for (at, bought), moment in zip(due, rfc3339([at for at, _ in due]), strict=True)
        ]

    def _body(self, customer_id: str, moment: str) -> dict[str, Any]:
        self._sent += 1
        return {"event_id": f"{self._lot}-{self._sent}", "customer_id": customer_id, "occurred_at": moment}

    def _buy(self, body: dict[str, Any], drawn: Visits, session: int) -> None:
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

    def _draw_returns(self, drawn: Visits) -> dict[int, float]:
        """Sessions whose purchase, if there is one, comes back, with the seconds until then."""
        back = np.flatnonzero(self._rng.random(len(drawn.customer)) < drawn.refund_share)
        after = np.floor(self._rng.uniform(*_REFUND_DAYS, len(back)) * DAY_SECONDS)
        return dict(zip(back.tolist(), after.tolist(), strict=True))


def _item(drawn: Visits, line: int, quantity: int) -> dict[str, Any]:
    number, discount = drawn.line_item[line], int(drawn.line_discount[line])
    item = {
        "item_id": goods().ids[number],
        "item_category": goods().categories[number],
        "price": int(drawn.line_price[line]) / 100,
        "quantity": quantity,
    }
    return item | {"discount": discount / 100} if discount else item


def _sealed(kind: str, body: dict[str, Any], at: float) -> SourceEvent:
    return SourceEvent(kind, body["event_id"], body["customer_id"], at, _encode(body))


def rfc3339(at: Sequence[float] | NDArray[np.float64]) -> list[str]:
    """Epoch seconds as text in UTC, to the millisecond."""
    milliseconds = np.round(np.asarray(at, dtype=np.float64) * 1000).astype("datetime64[ms]")
    return [str(moment) for moment in np.datetime_as_string(milliseconds, timezone="UTC")]
