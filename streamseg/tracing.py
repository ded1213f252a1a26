"""Sends the spans of traced events to an OpenTelemetry collector (OTLP over HTTP). Needs the extra `otel`.

Spans are made when an event is delivered, all at once, from the times that its stages noted: nothing of OpenTelemetry
runs while events are absorbed.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from streamseg.logs import OutageLog
from streamseg.ports.tracing import Traced

log = logging.getLogger(__name__)

EXPORT_SECONDS: Final = 1.0
"""How long one export may take: a stopping worker waits for the last one."""


class OtelTracer:
    """A `Tracer` on the OpenTelemetry SDK.

    Args:
        endpoint: address of the collector, such as http://collector:4318.
        owner: name of this worker.
    """

    def __init__(self, endpoint: str, owner: str) -> None:
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)  # `_Reported` says it, once a minute
        resource = Resource.create({"service.name": "streamseg-worker", "service.instance.id": owner})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Reported(exporter)))
        self._tracer = self._provider.get_tracer("streamseg")

    def delivered(self, traced: Sequence[Traced], now: float, written: Collection[str]) -> None:
        """See the port."""
        for event, times in traced:
            parent = trace.SpanContext(
                event.parent.trace_id, event.parent.span_id, is_remote=True, trace_flags=trace.TraceFlags(1)
            )
            outer = self._tracer.start_span(
                "process event",
                trace.set_span_in_context(trace.NonRecordingSpan(parent)),
                trace.SpanKind.CONSUMER,
                {
                    "messaging.system": "kafka",
                    "messaging.destination.name": event.topic,
                    "messaging.destination.partition.id": str(event.partition),
                    "messaging.kafka.offset": event.offset,
                    "streamseg.membership.written": event.customer_id in written,
                },
                start_time=_ns(event.appended_at),
            )
            inside, began = trace.set_span_in_context(outer), event.appended_at
            for stage, ended in (
                ("read", times.read),
                ("absorb", times.absorbed),
                ("flush", times.flushed),
                ("relay", now),
            ):
                # The broker's clock may be ahead of ours.
                self._tracer.start_span(stage, inside, start_time=_ns(min(began, ended))).end(_ns(ended))
                began = ended
            outer.end(_ns(max(now, event.appended_at)))

    def close(self) -> None:
        """Send what is left. May block for as long as one export."""
        self._provider.shutdown()


class _Reported(SpanExporter):
    """Says in the log that the collector does not take spans. They are lost then; events do not wait."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._outage = OutageLog(log, "tracing", "the collector of traces")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result: Any = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            if result is SpanExportResult.SUCCESS:
                self._outage.over()
            else:
                self._outage.waits(ConnectionError("it takes no spans"))
        return SpanExportResult(result)

    def shutdown(self) -> None:
        """End a send that is under way."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # theirs has no types


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
