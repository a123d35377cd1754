import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Traces } from './traces.ts'

export interface OtlpOptions {
  /** Of the collector: spans go to `/v1/traces` below it. */
  endpoint: string
  /** `name=value`, separated by commas. */
  headers: string
  /** How many of the traces are told, 0 to 1. */
  ratio: number
}

const closeLimitMs = 2000

/**
 * Tells calls by OTLP over HTTP. Loaded only where it is asked for: its libraries are as large as the gateway.
 *
 * Which traces are told goes by their ids alone: all services that take the same part tell the same ones, and no caller can have
 * more of its calls told than others.
 */
export function createOtlpTraces({ endpoint, headers, ratio }: OtlpOptions): Traces {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'slipway-gateway' }),
    sampler: new TraceIdRatioBasedSampler(ratio),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url, headers: pairsOf(headers) }) })]
  })
  const tracer = provider.getTracer('slipway')

  return {
    begin(req, upstream, callId) {
      const attributes = {
        'http.request.method': req.method ?? '',
        'faas.name': upstream.label,
        'faas.version': upstream.deploymentId,
        'faas.invocation_id': callId
      }
      const span = tracer.startSpan(upstream.label, { kind: SpanKind.SERVER, attributes }, callerOf(req))
      const { traceId, spanId, traceFlags } = span.spanContext()
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        end(status) {
          span.setAttribute('http.response.status_code', status)
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        }
      }
    },
    async close() {
      // With nobody there it would be tried again and again; spans that are lost then fail nothing else.
      const sent = provider.shutdown().catch(() => undefined)
      await Promise.race([sent, sleep(closeLimitMs, undefined, { ref: false })])
    }
  }
}

/** W3C Trace Context: what the caller says that it is a part of. A later version's first fields are the same. */
function callerOf({ headers }: IncomingMessage): Context {
  const given = headers.traceparent
  const [, version, traceId = '', spanId = '', flags = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(typeof given === 'string' ? given : '') ??
    []
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  if (version === undefined || version === 'ff' || !isSpanContextValid(parent)) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, parent)
}

function pairsOf(text: string): Record<string, string> {
  const pairs = text
    .split(',')
    .map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1)])
  return Object.fromEntries(pairs.filter(([name]) => name !== ''))
}
