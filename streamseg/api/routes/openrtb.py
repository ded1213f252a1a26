"""What ad servers may know of a customer: an OpenRTB 2.6 `user` fragment and key-values, or nothing.

It is read from the ads view (`ssg:v1:a:<id>`), which exists only under ads consent: the API can show no more than a
bidder that reads Redis directly.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from streamseg.api.http.access import Access
from streamseg.api.http.answers import Answer, answer_with
from streamseg.api.http.endpoint import Ask
from streamseg.api.http.problems import store_away
from streamseg.api.routes.customer_answers import check_customer_id
from streamseg.api.routes.iab_taxonomy import SEGTAX, audience_ids
from streamseg.api.routes.known_segments import Catalogue
from streamseg.api.routes.shared_reads import SharedReads
from streamseg.errors import SettingsError, StoreUnavailableError

SEGMENTS_AT_MOST: Final = 32
KEY: Final = "ssg"
NOBODY: Final[dict[str, Any]] = {"user": {"data": []}, "key_values": {}}


def checked_audiences(audiences: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The map of segments to IAB ids. Raises `SettingsError` for an id that the taxonomy does not have."""
    for segment, ids in audiences.items():
        for each in ids:
            if each not in audience_ids():
                raise SettingsError(
                    f"setting api.iab_audiences.{segment}: {each} is not an id of the IAB Audience Taxonomy 1.1"
                )
    return {segment: tuple(ids) for segment, ids in audiences.items()}


def fragment(
    segments: Sequence[str], provider: str, labels: Mapping[str, str], audiences: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """`{"user": {"data": [...]}, "key_values": {...}}` for these segment ids.

    One Data object has our own ids, without `segtax`; a second one the mapped IAB ids, with it (OpenRTB 2.6, sections
    3.2.21 and 3.2.22).
    """
    shown = list(segments[:SEGMENTS_AT_MOST])
    if not shown:
        return NOBODY
    own = [{"id": segment} | ({"name": labels[segment]} if labels.get(segment) else {}) for segment in shown]
    data: list[dict[str, Any]] = [{"name": provider, "segment": own}]
    mapped = sorted({each for segment in shown for each in audiences.get(segment, ())}, key=int)
    if mapped:
        ext = {"segtax": SEGTAX}
        data.append({"name": provider, "ext": ext, "segment": [{"id": each} for each in mapped[:SEGMENTS_AT_MOST]]})
    return {"user": {"data": data}, "key_values": {KEY: shown}}


class OpenRtb:
    """`GET /v1/openrtb/user?id=`."""

    def __init__(
        self,
        ads_views: SharedReads,
        access: Access,
        catalogue: Catalogue,
        *,
        provider: str,
        audiences: Mapping[str, Sequence[str]],
        cache_control: bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ads_views = ads_views
        self._access = access
        self._catalogue = catalogue
        self._provider = provider
        self._audiences = checked_audiences(audiences)
        self._cache_control = cache_control
        self._clock = clock

    async def user(self, ask: Ask) -> Answer:
        """The fragment; empty for the unknown, without ads consent, and under Global Privacy Control."""
        customer_id = check_customer_id(ask.query("id"))
        self._access.prove(ask.caller, customer_id)
        now = self._clock()
        decided, document = int(now), NOBODY
        if ask.headers.get(b"sec-gpc") == b"1":
            document = NOBODY | {"regs": {"ext": {"gpc": "1"}}}
        else:
            try:
                stored = await self._ads_views.one(customer_id)
            except StoreUnavailableError:
                raise store_away(NOBODY) from None
            if stored is not None:
                view = msgspec.json.decode(stored)
                decided = view["as_of"]
                shown = [each for each in view["segments"] if ask.caller.is_secret or self._catalogue.is_public(each)]
                labels = {each: str(self._catalogue.entries.get(each, {}).get("label", "")) for each in shown}
                document = fragment(shown, self._provider, labels, self._audiences)
        return answer_with(
            msgspec.json.encode(document),
            decided=decided,
            now=now,
            cache_control=self._cache_control,
            if_none_match=ask.headers.get(b"if-none-match"),
            vary=b"Authorization, X-API-Key, X-Streamseg-Hash, Sec-GPC",
        )
