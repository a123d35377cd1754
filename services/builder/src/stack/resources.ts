import { type Resources, raiseLimit } from '@slipway/domain'
import { namesOf, resourceFields } from './fields.ts'
import { failureAt, quote } from './location.ts'
import { formatMemory, parseCpu, parseMemory } from './quantity.ts'
import type { Field, Reader } from './reader.ts'

/** Docker starts nothing below these. */
const leastMemoryBytes = 6 * 1024 ** 2
const leastCpuMillis = 10

const mebibyte = 1024 ** 2

/** What a function asks for beyond the maximum: the end of the refusal. */
type Refuse = (name: 'memory' | 'cpu', wanted: number, most: string) => string

/** Of `limits`: the owner's. */
export function beyondOwner(owner: string): Refuse {
  const names = { memory: 'memory-mb-per-function', cpu: 'cpu-millis-per-function' } as const
  return (name, wanted, most) => {
    const value = name === 'memory' ? Math.ceil(wanted / mebibyte) : wanted
    return `${most} that one replica of ${owner} may have (${names[name]}); ${raiseLimit(owner, names[name], value)}`
  }
}

/** Of `requests`: the function's own limits. */
export const beyondOwnLimits: Refuse = (_name, _wanted, most) => `${most} of its limits`

/** `limits` or `requests`: what is not written is the default, cut to the maximum. @throws Failure `limit-exceeded` naming the maximum. */
export function resourcesOf(
  field: Field,
  reader: Reader,
  { defaults, maximum, refuse }: { defaults: Resources; maximum: Resources; refuse: Refuse }
): Resources {
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
        refuse: (wanted, most) => refuse('memory', wanted, most),
        example: '"128Mi", "1Gi" or a number of bytes'
      }) ?? Math.min(defaults.memoryBytes, maximum.memoryBytes),
    cpuMillis:
      quantityOf(cpu, reader, {
        parse: parseCpu,
        format: (millis) => `${millis}m`,
        least: leastCpuMillis,
        most: maximum.cpuMillis,
        refuse: (wanted, most) => refuse('cpu', wanted, most),
        example: '"500m" or "0.5"'
      }) ?? Math.min(defaults.cpuMillis, maximum.cpuMillis)
  }
}

interface Quantity {
  parse(text: string): number | null
  format(value: number): string
  least: number
  most: number
  refuse(wanted: number, most: string): string
  example: string
}

function quantityOf(
  field: Field | undefined,
  reader: Reader,
  { parse, format, least, most, refuse, example }: Quantity
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
      `${field.name}: ${quote(text)} is more than the ${refuse(value, format(most))}`
    )
  }
  return value
}
