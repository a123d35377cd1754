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

/** Counted here and told when asked: the library's own counters look for their series in each call. */
interface Series {
  started: number
  byCode: Map<string, { total: number; seconds: Histogram.Internal<'function_name' | 'code'> }>
}

export function createMetrics(served: () => Iterable<Upstream>): GatewayMetrics {
  const registry = new Registry()
  const registers = [registry]
  const labelNames = ['function_name', 'code'] as const
  const known = new Map<string, Series>()
  const total = new Counter({
    name: 'gateway_function_invocation_total',
    help: 'Function invocations by answer',
    labelNames,
    registers: [],
    collect() {
      this.reset()
      for (const [function_name, { byCode }] of known)
        for (const [code, counted] of byCode) this.inc({ function_name, code }, counted.total)
    }
  })
  registry.registerMetric(total)
  const seconds = new Histogram({
    name: 'gateway_functions_seconds',
    help: 'Time until the answer of a function has ended',
    labelNames,
    registers
  })
  const started = new Counter({
    name: 'gateway_function_invocation_started',
    help: 'Function invocations that have begun',
    labelNames: ['function_name'],
    registers: [],
    collect() {
      this.reset()
      for (const [function_name, series] of known) this.inc({ function_name }, series.started)
    }
  })
  registry.registerMetric(started)
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

  function seriesOf(label: string): Series {
    const found = known.get(label)
    if (found !== undefined) return found
    const made = { started: 0, byCode: new Map() }
    known.set(label, made)
    return made
  }

  return {
    registry,
    started(label) {
      seriesOf(label).started += 1
    },
    ended(label, status, took) {
      const { byCode } = seriesOf(label)
      const code = codeOf(status)
      const counted = byCode.get(code) ?? { total: 0, seconds: seconds.labels(label, code) }
      byCode.set(code, counted)
      counted.total += 1
      counted.seconds.observe(took)
    },
    keep(labels) {
      for (const [label, { byCode }] of known) {
        if (labels.has(label)) continue
        known.delete(label)
        for (const code of byCode.keys()) seconds.remove(label, code)
      }
    }
  }
}
