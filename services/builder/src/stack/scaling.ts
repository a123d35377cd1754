import {
  type FunctionSpec,
  isLoadKind,
  parseDuration,
  parsePercent,
  parseProportion,
  parseTarget,
  raiseLimit,
  scaleLabels
} from '@slipway/domain'
import { failureAt, type Located, quote } from './location.ts'
import type { StackPolicy } from './policy.ts'
import type { Reader } from './reader.ts'

type Labels = ReadonlyMap<string, Located<string>>

/** From the labels `com.openfaas.scale.min` and `.max`. A lone one moves the other's default. */
export function replicasOf(
  labels: Labels,
  { policy, slug }: { policy: StackPolicy; slug: string }
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
        `label com.openfaas.scale.${name}: ${value} is more than the ${policy.maximum.replicas} replicas that one function of ${slug} may have (replicas-per-function); ${raiseLimit(slug, 'replicas-per-function', value)}`
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

const { type, target, proportion, factor, zero, zeroDuration, downWindow } = scaleLabels

/** What each label takes, for the message. */
const expected: [name: string, isValid: (text: string) => boolean, words: string][] = [
  [target, (text) => parseTarget(text) !== null, 'a number above 0'],
  [proportion, (text) => parseProportion(text) !== null, 'a number above 0 and at most 1'],
  [factor, (text) => parsePercent(text) !== null, 'a number from 0 to 100'],
  [zero, (text) => text === 'true' || text === 'false', 'true or false'],
  [zeroDuration, isLongEnough, 'a duration of at least a second, as "15m"'],
  [downWindow, isLongEnough, 'a duration of at least a second, as "5m"']
]

function isLongEnough(text: string): boolean {
  return (parseDuration(text) ?? 0) >= 1000
}

/** The labels that say when a function has how many replicas. @throws Failure `invalid-stack` at the one that cannot be read */
export function checkScaling(labels: Labels, reader: Reader): void {
  for (const [name, isValid, words] of expected) {
    const label = labels.get(name)
    if (label === undefined || isValid(label.value)) continue
    throw failureAt('invalid-stack', label.at, `label ${name}: ${quote(label.value)} is not ${words}`)
  }
  const kind = labels.get(type)
  if (kind === undefined || isLoadKind(kind.value)) return
  reader.warn(
    kind.at,
    `label ${type}: ${quote(kind.value)} is not measured here, so load does not scale the function: "rps" and "capacity" are`
  )
}
