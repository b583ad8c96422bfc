"""Sends OpenTelemetry traces: one span per request, one per step of a night; nothing of a person.

Without an address nothing is sent and spans cost next to nothing (the API's own no-op).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

NAME = "rosh-triage"


def start_tracing(address: str, version: str) -> TracerProvider:
    """Send spans to an address for OTLP over HTTP, e.g. http://collector:4318/v1/traces."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return provide_tracer(OTLPSpanExporter(endpoint=address), version)


def provide_tracer(exporter: SpanExporter, version: str) -> TracerProvider:
    """A provider of tracers that hands spans to an exporter; a caller shuts it down."""
    resource = Resource.create({"service.name": NAME, "service.version": version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def end_tracing(provider: trace.TracerProvider) -> None:
    """Send what waits to be sent, before the process ends."""
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def quiet_span(
    tracer: trace.Tracer,
    name: str,
    context: Context | None = None,
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
) -> AbstractContextManager[trace.Span]:
    """A span for the block that keeps no exception: its message may hold data of a person."""
    return tracer.start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False
    )


def chosen_tracing(address: str, version: str) -> trace.TracerProvider:
    """The provider of tracers of a command or of the pages; without an address spans go nowhere."""
    return start_tracing(address, version) if address else trace.NoOpTracerProvider()
