"""The only package that knows every concrete class: settings in, working parts out."""

import msgspec

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.layout import Layout
from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.producer import KafkaProducer
from streamseg.pipeline import Segmentation
from streamseg.ports import StateStore
from streamseg.settings import Settings
from streamseg.wiring.derived import derive
from streamseg.wiring.stores import stored_layout as _stored_layout
from streamseg.wiring.stores import stores as stores


def money_of(settings: Settings) -> Money:
    """The currency that all amounts are counted in."""
    return derive(settings).money


def layout_of(settings: Settings) -> Layout:
    """What a row is made of under these settings."""
    return derive(settings).layout


async def rows_layout(settings: Settings, state: StateStore) -> Layout:
    """The same, able to read rows that were written with other segmentations."""
    return await _stored_layout(layout_of(settings), state)


def decoder_of(settings: Settings) -> Decoder:
    """What turns records into events under these settings."""
    return derive(settings).decoder


def features_of(settings: Settings, segmentation: str) -> tuple[str, ...]:
    """The names in the catalogue that the setting's names and patterns come to. Raises `SettingsError`."""
    return derive(settings).segmentation(segmentation).features


def segmentations_of(settings: Settings) -> list[Segmentation]:
    """The segmentations, without models yet. Raises `SettingsError`."""
    return list(derive(settings).segmentations)


def check_settings(settings: Settings) -> None:
    """What one table of settings cannot know of another. Raises `SettingsError`."""
    derive(settings)


def event_sink(settings: Settings) -> KafkaProducer:
    """Where events go in."""
    return KafkaProducer(settings.kafka)


def group_lag(settings: Settings) -> dict[tuple[str, int], int]:
    """Records that the workers have not absorbed yet, by topic and partition."""
    return TopicAdmin(settings.kafka).group_lag()


async def read_membership(settings: Settings, customer_id: str) -> tuple[bytes | None, dict[str, str]]:
    """A customer's membership string, and the segments' labels by id."""
    async with stores(settings) as (_, memberships, models):
        stored = (await memberships.read([customer_id]))[0]
        labels = {
            segment: str(msgspec.json.decode(value).get("label", ""))
            for segment, value in (await models.catalogue()).items()
        }
        return stored, labels
