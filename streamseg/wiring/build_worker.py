"""Builds the worker. Apart from the rest because it loads Faust, which takes a second."""

import asyncio
import logging
import socket
import uuid
from functools import partial
from typing import TYPE_CHECKING

from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.kafka.producer import KafkaProducer
from streamseg.kafka.topic_reader import TopicReader
from streamseg.metrics import Metrics
from streamseg.ports import Clock
from streamseg.settings import Settings
from streamseg.stream.run_stream import FaustStream
from streamseg.topics import CLICKS
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.wiring.derived import derive, missing_basis, needs
from streamseg.wiring.stores import stores, worker_reports
from streamseg.worker.assignment import Assignment
from streamseg.worker.clock import EventClock, WallClock
from streamseg.worker.context import Ports, RowLimit, Rules
from streamseg.worker.freed_memory import give_back_often
from streamseg.worker.gauges.store_memory import StoreMemory
from streamseg.worker.health import Health
from streamseg.worker.layout_check import check_layouts
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.partition.actor import Partition
from streamseg.worker.probes import Probes
from streamseg.worker.process import WorkerProcess, once_available
from streamseg.worker.shared_cycle import SharedCycle
from streamseg.worker.stop_signal import StopSignal
from streamseg.worker.trainer.lookalikes import LookalikeTraining
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from streamseg.worker.trainer.trainer import Trainer

if TYPE_CHECKING:
    from streamseg.tracing import OtelTracer


async def run_worker(settings: Settings) -> None:
    """Run a worker until it is stopped. Raises `SettingsError` when it must not start."""
    derived, metrics, stop = derive(settings), Metrics(), StopSignal()
    if (missing := missing_basis(settings)) is not None:
        logging.getLogger(__name__).warning(missing)
    metrics.membership_bound.set(settings.membership.bound_seconds)
    metrics.probe_interval.set(settings.worker.probe_interval_seconds)
    owner = f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
    async with stores(settings, metrics) as (state, memberships, model_store), worker_reports(settings) as reports:
        admin = TopicAdmin(settings.kafka)
        topics = await asyncio.to_thread(admin.topic_ids)
        await asyncio.to_thread(admin.check_group)
        partitions = topics[CLICKS][1]
        layouts = await once_available(lambda: check_layouts(derived.layout, state, model_store, partitions))
        sink, log = KafkaProducer(settings.kafka), TopicReader(settings.kafka)
        stream = FaustStream(
            settings.kafka, max_poll=settings.worker.max_poll_records, max_fetch=settings.worker.max_fetch_bytes
        )
        clock: Clock = (
            EventClock(settings.worker.event_clock_step_seconds) if settings.clock == "event" else WallClock()
        )
        rules = partial(
            live_audiences, layouts.layout, segmentations=derived.declared, compared_by=derived.segmentations
        )
        compile_audiences = rules if layouts.layout.audiences else None
        models = ModelCache(model_store, derived.segmentations, metrics, compile_audiences=compile_audiences)
        row_limit = RowLimit(settings.worker.rows_in_memory)
        tracer = _tracer(settings.worker.trace_endpoint, owner)
        partition_rules = Rules(
            layout=layouts.layout,
            replaces=layouts.replaces,
            segmentations=layouts.segmentations,
            topics=topics,
            partitions=partitions,
            decoder=derived.decoder,
            money=derived.money,
            publishing=derived.publishing,
            learns_per_second=settings.worker.learns_per_second,
            redelivery_window=settings.redis.failover_margin_seconds,
            sweep_interval=derived.sweep_interval,
            retention=settings.membership.retention_seconds,
            rejected_share_limit=settings.worker.rejected_share_limit,
            rejected_share_window=settings.worker.rejected_share_window,
        )
        shared_cycle = SharedCycle(partition_rules, models, metrics, one_clock=settings.clock == "wall")
        open_partition = partial(
            Partition,
            owner=owner,
            ports=Ports(
                clock=clock,
                reader=stream,
                state=state,
                memberships=memberships,
                sink=sink,
                changes=ChangeTopic(log),
                tracer=tracer,
            ),
            rules=partition_rules,
            models=models,
            shared_cycle=shared_cycle,
            row_limit=row_limit,
            stop=stop,
            metrics=metrics,
        )
        segment_catalogue = SegmentCatalogue(
            model_store,
            state,
            partitions=partitions,
            features=derived.features,
            currency=settings.money.currency,
            minor_units=settings.money.minor_units,
            status=models,
            populations=derived.populations,
            segmentations=derived.declared,
        )
        trainer = Trainer(
            derived.learner_params,
            models=model_store,
            sink=sink,
            catalogue=segment_catalogue,
            reader=stream,
            metrics=metrics,
            needs=needs(settings),
            lookalikes=LookalikeTraining(derived.learner_params, model_store, models.lookalikes),
        )
        assignment = Assignment(open_partition, trainer, known_partitions=partitions, row_limit=row_limit, stop=stop)
        probes = Probes(sink, lambda: assignment.numbers, settings.worker.probe_interval_seconds)
        health = Health(assignment)
        worker = WorkerProcess(
            stream=stream,
            assignment=assignment,
            models=models,
            stop=stop,
            metrics=metrics,
            checks=(state.check,),
            closing=(sink.close, log.close, *([partial(asyncio.to_thread, tracer.close)] if tracer else [])),
            beside=[
                StoreMemory(state, metrics).run,
                give_back_often,
                *([probes.run] if settings.worker.probe_interval_seconds else []),
            ],
            owner=owner,
            reports=reports,
            probe_seconds=settings.worker.probe_interval_seconds,
            health=health,
        )
        if settings.worker.metrics_port is not None:
            metrics.serve(settings.worker.metrics_host, settings.worker.metrics_port, health.probes())
        await worker.run()


def _tracer(endpoint: str | None, owner: str) -> "OtelTracer | None":
    """Return what sends traces; None without an address or without the extra `otel`."""
    if endpoint is None:
        return None
    try:
        from streamseg.tracing import OtelTracer  # noqa: PLC0415  an extra, and half a second
    except ImportError:
        logging.getLogger(__name__).warning(
            "setting worker.trace_endpoint: no traces are sent: install streamseg with the extra `otel`"
        )
        return None
    return OtelTracer(endpoint, owner)
