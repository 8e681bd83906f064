"""OpenTelemetry: a span for the run, and one below it for each node; importing it imports Hamilton and OpenTelemetry.

Hamilton's own tracer keeps its spans in a variable of the thread, so that with threads nodes would lose their run.
"""

from __future__ import annotations

import logging
from typing import Any

from hamilton.lifecycle import NodeExecutionHook
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from flowerpower.pipelines.adapters.setting import Setting
from flowerpower.pipelines.context import Secrets
from flowerpower.pipelines.failures import describe

_FLUSH = 5_000  # milliseconds that the end of a run waits for spans to leave

logger = logging.getLogger("flowerpower.run")


class SpanHook(NodeExecutionHook):  # type: ignore[misc]
    """A span for each node, current while the node runs, so that spans of its own code lie below it."""

    def __init__(self, tracer: trace.Tracer, run: trace.Span, secrets: Secrets) -> None:
        self._tracer = tracer
        self._run = trace.set_span_in_context(run)
        self._secrets = secrets
        self._open: dict[tuple[str | None, str], tuple[trace.Span, Any]] = {}

    def run_before_node_execution(self, *, node_name: str, task_id: str | None, **event: Any) -> None:
        """Begin the span of a node."""
        attributes = {"hamilton.node": node_name, "hamilton.type": str(event.get("node_return_type"))}
        span = self._tracer.start_span(node_name, context=self._run, attributes=attributes)
        self._open[task_id, node_name] = span, contexts.attach(trace.set_span_in_context(span))

    def run_after_node_execution(
        self, *, node_name: str, task_id: str | None, error: Exception | None, **_: Any
    ) -> None:
        """End it, with what went wrong."""
        span, token = self._open.pop((task_id, node_name))
        contexts.detach(token)
        end(span, "" if error is None else self._secrets.mask(describe(error)))


def span_hook(setting: Setting) -> SpanHook:
    """Begin the span of the run, and return the hook for its nodes.

    Spans go to the provider that the process has, or by OTLP to where the `OTEL_` variables say.
    """
    run = setting.context
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        provider = _exporting_provider()
        shutdown = provider.shutdown
        setting.at_end(lambda error: shutdown())
    tracer = provider.get_tracer("flowerpower")
    known: dict[str, str | int] = {
        "run": run.run_id,
        "schedule": run.schedule,
        "commit": run.commit,
        "attempt": run.attempt,
        "tick": run.tick.isoformat(),
    }
    span = tracer.start_span(
        run.pipeline, attributes={f"flowerpower.{name}": value for name, value in known.items() if value}
    )
    if isinstance(provider, TracerProvider):
        flush = provider.force_flush
        setting.at_end(lambda error: flush(_FLUSH))
    setting.at_end(lambda error: end(span, setting.secrets.mask(describe(error)) if error else ""))
    return SpanHook(tracer, span, setting.secrets)


def end(span: trace.Span, error: str) -> None:
    """End a span, as failed when there is an error."""
    if error:
        span.add_event("exception", {"exception.message": error})
        span.set_status(trace.Status(trace.StatusCode.ERROR, error))
    span.end()


def _exporting_provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    logging.getLogger("opentelemetry").addFilter(_is_short)
    provider = TracerProvider(resource=Resource.create({"service.name": "flowerpower"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _is_short(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR or not record.exc_info
