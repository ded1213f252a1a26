"""The worker, put together. Apart from the rest because it loads Faust, which takes a second."""

import asyncio
import socket
import uuid
from collections.abc import Sequence

from streamseg import pipeline
from streamseg.clustering.params import LearnerParams
from streamseg.features.catalogue import Feature, catalogue
from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.kafka.partitioner import misrouted
from streamseg.kafka.producer import KafkaProducer
from streamseg.kafka.topic_reader import TopicReader
from streamseg.membership.types import Consent
from streamseg.metrics import Metrics
from streamseg.ports import Clock
from streamseg.settings import SegmentationSettings, Settings
from streamseg.stream.app import build_app, consumer_of
from streamseg.topics import CLICKS
from streamseg.wiring import (
    check_settings,
    decoder_of,
    features_of,
    layout_of,
    money_of,
    segmentations_of,
    stores,
)
from streamseg.worker.assignment import Assignment
from streamseg.worker.clock import EventClock, WallClock
from streamseg.worker.context import Surroundings
from streamseg.worker.layout_check import check_layouts
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.process import Worker, once_there
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from streamseg.worker.trainer.trainer import Trainer

SWEEPS_PER_BOUND = 4
"""A string is renewed when half of the bound has passed, so sweeps must come oftener than twice in it."""


def learner_params_of(settings: Settings) -> list[LearnerParams]:
    """What the trainer learns each segmentation by."""
    known = catalogue(layout_of(settings))
    return [
        _learner_params(name, one, [known[feature] for feature in features_of(settings, name)])
        for name, one in settings.segmentations.items()
    ]


def _learner_params(name: str, one: SegmentationSettings, features: Sequence[Feature]) -> LearnerParams:
    return LearnerParams(
        segmentation=name,
        features=tuple(feature.name for feature in features),
        skewed=tuple(feature.skewed for feature in features),
        blocks=tuple(feature.block for feature in features),
        k=one.k,
        clusterer=one.clusterer,
        step=one.step,
        challenge_interval=one.challenge_interval_seconds,
        warm_up_per_cluster=one.warm_up_per_cluster,
        warm_up_events=one.warm_up_events,
    )


async def run_worker(settings: Settings) -> None:
    """Run a worker until it is told to stop. Raises `SettingsError` when it must not start."""
    check_settings(settings)
    metrics = Metrics()
    async with stores(settings) as (state, memberships, models_store):
        sink, log = KafkaProducer(settings.kafka), TopicReader(settings.kafka)
        models = ModelCache(models_store, segmentations_of(settings), metrics)
        clock: Clock = EventClock() if settings.clock == "event" else WallClock()
        topic_ids = await asyncio.to_thread(TopicAdmin(settings.kafka).topic_ids)
        partition_count = topic_ids[CLICKS][1]
        rows = await once_there(lambda: check_layouts(layout_of(settings), state, models_store, partition_count))
        owned = 1

        def rows_limit() -> int:
            return settings.worker.rows_in_memory // owned

        def assigned(count: int) -> None:
            nonlocal owned
            owned = max(count, 1)

        surroundings = Surroundings(
            owner=f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}",
            layout=rows.layout,
            follows=rows.follows,
            decoder=decoder_of(settings),
            money=money_of(settings),
            clock=clock,
            state=state,
            memberships=memberships,
            sink=sink,
            changes=ChangeTopic(log),
            models=models,
            metrics=metrics,
            rules=pipeline.PublishingRules(
                settings.membership.bound_seconds,
                settings.membership.ttl_seconds,
                Consent(settings.membership.unknown_ads_consent, settings.membership.unknown_personalisation_consent),
            ),
            misrouted_of=lambda partition, customers: misrouted(customers, partition, partition_count),
            rows_limit=rows_limit,
            learns_per_second=settings.worker.learns_per_second,
            margin_seconds=settings.redis.failover_margin_seconds,
            sweep_interval_seconds=settings.membership.bound_seconds / SWEEPS_PER_BOUND,
            retention_seconds=settings.membership.retention_seconds,
            rejected_share=(settings.worker.rejected_share_limit, settings.worker.rejected_share_window),
            topics=topic_ids,
            fail=lambda error: worker.fail(error),
            rewind=lambda number, starts: consumer_of(app).rewind(
                {(topic, number): offset for topic, offset in starts.items()}
            ),
            behind=lambda number, reached: consumer_of(app).behind(number, reached),
            session=lambda topic, number: consumer_of(app).scheduler.session(topic, number),
        )
        trainer = Trainer(
            lambda: learner_params_of(settings),
            models=models_store,
            sink=sink,
            catalogue=SegmentCatalogue(
                models_store,
                state,
                partitions=partition_count,
                features=catalogue(layout_of(settings)),
                minor_units=settings.money.minor_units,
                in_shadow=models.in_shadow,
                is_dropped=models.is_dropped,
            ),
            metrics=metrics,
            rewind=lambda starts: consumer_of(app).rewind(starts),
            session=lambda topic, number: consumer_of(app).scheduler.session(topic, number),
        )
        partitions = Assignment(surroundings, trainer, assigned)
        app = build_app(
            settings.kafka,
            partitions,
            partitions.offer,
            settings.worker.max_poll_records,
            settings.worker.max_fetch_bytes,
        )
        worker = Worker(
            app=app,
            consumer_of=consumer_of,
            partitions=partitions,
            models=models,
            metrics=metrics,
            checks=(state.check,),
            closing=(sink.close, log.close),
        )
        if settings.worker.metrics_port is not None:
            metrics.serve(settings.worker.metrics_host, settings.worker.metrics_port)
        await worker.run()
