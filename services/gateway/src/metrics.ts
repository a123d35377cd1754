import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { codeOf } from './tally.ts'
import type { Upstream } from './upstream.ts'

/** What OpenFaaS's gateway counts, under its names: dashboards and alerts made for it read this one. */
export interface GatewayMetrics {
  readonly registry: Registry
  started(label: string): void
  /** @param status what was answered; 499 when the caller left before. */
  ended(label: string, status: number, seconds: number): void
  /** Drops what was counted for functions that are no longer served: there are as many series as functions. */
  keep(labels: ReadonlySet<string>): void
}

interface Series {
  startedTotal: Counter.Internal
  byCode: Map<string, { total: Counter.Internal; seconds: Histogram.Internal<'function_name' | 'code'> }>
}

export function createMetrics(served: () => Iterable<Upstream>): GatewayMetrics {
  const registry = new Registry()
  const registers = [registry]
  const labelNames = ['function_name', 'code'] as const
  const total = new Counter({
    name: 'gateway_function_invocation_total',
    help: 'Function invocations by answer',
    labelNames,
    registers
  })
  const seconds = new Histogram({
    name: 'gateway_functions_seconds',
    help: 'Time until the answer of a function has ended',
    labelNames,
    registers
  })
  const startedTotal = new Counter({
    name: 'gateway_function_invocation_started',
    help: 'Function invocations that have begun',
    labelNames: ['function_name'],
    registers
  })
  const replicas = new Gauge({
    name: 'gateway_service_count',
    help: 'Replicas of a function',
    labelNames: ['function_name'],
    registers: [],
    collect() {
      this.reset()
      for (const upstream of served()) this.set({ function_name: upstream.label }, upstream.replicas.length)
    }
  })
  registry.registerMetric(replicas)
  const deployment = new Gauge({
    name: 'slipway_gateway_deployment',
    help: 'Which deployment of a function this gateway serves',
    labelNames: ['function_name', 'deployment'],
    registers: [],
    collect() {
      this.reset()
      for (const { label, deploymentId } of served()) this.set({ function_name: label, deployment: deploymentId }, 1)
    }
  })
  registry.registerMetric(deployment)
  const known = new Map<string, Series>()

  function seriesOf(label: string): Series {
    const found = known.get(label)
    if (found !== undefined) return found
    const made = { startedTotal: startedTotal.labels(label), byCode: new Map() }
    known.set(label, made)
    return made
  }

  return {
    registry,
    started: (label) => seriesOf(label).startedTotal.inc(),
    ended(label, status, took) {
      const { byCode } = seriesOf(label)
      const code = codeOf(status)
      const counted = byCode.get(code) ?? { total: total.labels(label, code), seconds: seconds.labels(label, code) }
      byCode.set(code, counted)
      counted.total.inc()
      counted.seconds.observe(took)
    },
    keep(labels) {
      for (const [label, { byCode }] of known) {
        if (labels.has(label)) continue
        known.delete(label)
        startedTotal.remove(label)
        for (const code of byCode.keys()) {
          total.remove(label, code)
          seconds.remove(label, code)
        }
      }
    }
  }
}
