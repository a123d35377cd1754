import type { FunctionSpec, Resources } from '@slipway/domain'
import { namesOf, resourceFields } from './fields.ts'
import { failureAt, type Located, quote } from './location.ts'
import type { StackPolicy } from './policy.ts'
import { formatMemory, parseCpu, parseMemory } from './quantity.ts'
import type { Field, Reader } from './reader.ts'

/** Docker starts nothing below these. */
const leastMemoryBytes = 6 * 1024 ** 2
const leastCpuMillis = 10

/** `limits` or `requests`: what is not written is the default, cut to the maximum. @throws Failure `limit-exceeded` naming the maximum. */
export function resourcesOf(field: Field, reader: Reader, defaults: Resources, maximum: Resources): Resources {
  const found = reader.fields(field, namesOf(resourceFields))
  const memory = found.get('memory')
  const cpu = found.get('cpu')
  return {
    memoryBytes:
      quantityOf(memory, reader, {
        parse: parseMemory,
        format: formatMemory,
        least: leastMemoryBytes,
        most: maximum.memoryBytes,
        example: '"128Mi", "1Gi" or a number of bytes'
      }) ?? Math.min(defaults.memoryBytes, maximum.memoryBytes),
    cpuMillis:
      quantityOf(cpu, reader, {
        parse: parseCpu,
        format: (millis) => `${millis}m`,
        least: leastCpuMillis,
        most: maximum.cpuMillis,
        example: '"500m" or "0.5"'
      }) ?? Math.min(defaults.cpuMillis, maximum.cpuMillis)
  }
}

interface Quantity {
  parse(text: string): number | null
  format(value: number): string
  least: number
  most: number
  example: string
}

function quantityOf(
  field: Field | undefined,
  reader: Reader,
  { parse, format, least, most, example }: Quantity
): number | null {
  if (field === undefined) return null
  const { value: text, at } = reader.located(field)
  if (text === '') return null
  const value = parse(text)
  if (value === null)
    throw failureAt('invalid-stack', at, `${field.name}: ${quote(text)} is not a quantity: write ${example}`)
  if (value < least)
    throw failureAt('invalid-stack', at, `${field.name}: ${quote(text)} is too little: at least ${format(least)}`)
  if (value > most) {
    throw failureAt(
      'limit-exceeded',
      at,
      `${field.name}: ${quote(text)} is more than the ${format(most)} allowed here; an administrator can raise it`
    )
  }
  return value
}

/** From the labels `com.openfaas.scale.min` and `.max`. A lone one moves the other's default. */
export function replicasOf(
  labels: ReadonlyMap<string, Located<string>>,
  policy: StackPolicy
): FunctionSpec['replicas'] {
  const read = (name: string) => {
    const label = labels.get(`com.openfaas.scale.${name}`)
    if (label === undefined) return null
    if (!/^[1-9]\d{0,5}$/.test(label.value)) {
      throw failureAt(
        'invalid-stack',
        label.at,
        `label com.openfaas.scale.${name}: ${quote(label.value)} is not a number from 1`
      )
    }
    const value = Number(label.value)
    if (value > policy.maximum.replicas) {
      throw failureAt(
        'limit-exceeded',
        label.at,
        `label com.openfaas.scale.${name}: ${value} is more than the ${policy.maximum.replicas} replicas allowed here; an administrator can raise it`
      )
    }
    return { value, at: label.at }
  }
  const min = read('min')
  const max = read('max')
  if (min !== null && max !== null && min.value > max.value) {
    throw failureAt(
      'invalid-stack',
      min.at,
      `label com.openfaas.scale.min: ${min.value} is more than com.openfaas.scale.max, ${max.value}`
    )
  }
  const defaults = policy.defaults.replicas
  const most = Math.min(defaults.max, policy.maximum.replicas)
  return {
    min: min?.value ?? Math.min(defaults.min, max?.value ?? most),
    max: max?.value ?? Math.max(most, min?.value ?? 1)
  }
}
