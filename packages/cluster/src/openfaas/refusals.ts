import {
  Failure,
  type FailureCode,
  failureAnnotation,
  failureCodeAnnotation,
  failures,
  startFailureOf
} from '@slipway/domain'
import Type from 'typebox'
import Value from 'typebox/value'
import { type FunctionStatus, inShort, parsed, type Told } from './client.ts'

interface Meaning {
  /** What the gateway says, in whichever edition. */
  said: RegExp
  code: 'image-missing' | 'limit-exceeded' | 'unsupported'
  advice: string
}

/*
 * OpenFaaS itself tells what is wrong in words alone, with the same status for all of it. The words are those of faas-netes
 * (Community Edition), faas-provider and faasd.
 */
const meanings: readonly Meaning[] = [
  {
    said: /only allows public images/i,
    code: 'unsupported',
    advice:
      'OpenFaaS Community Edition takes images only that anybody can pull, and says the same of one that it cannot find: let the registry be read without a password from there, or use another edition'
  },
  {
    said: /maximum: \d+|only permits: \d+ functions|function limit/i,
    code: 'limit-exceeded',
    advice:
      'a new version runs beside the former one until it is ready, so there must be room for one function more: remove some, or use another edition'
  },
  {
    said: /set too high|replicas cannot be set/i,
    code: 'limit-exceeded',
    advice: 'this edition has a limit on replicas: ask for fewer'
  },
  {
    said: /(image|manifest|repository)[^]*(not found|unknown|does not exist)|(not found|unknown)[^]*(image|manifest)|unable to pull|failed to pull|pull access denied/i,
    code: 'image-missing',
    advice: 'the cluster behind the gateway must reach the registry by the name that images have'
  },
  {
    said: /not (available|supported)|may only support|license|EULA/i,
    code: 'unsupported',
    advice: 'this edition of OpenFaaS does not have it'
  },
  {
    said: /namespace must be|namespace .* not allowed|within the .*namespace/i,
    code: 'unsupported',
    advice:
      'this gateway has one namespace only: leave OPENFAAS_NAMESPACES at "one", and OPENFAAS_NAMESPACE to what it says'
  }
]

const Coded = Type.Object({ code: Type.String() })

/** A gateway of Slipway's has a code beside the words; null: it is another, or something in front of it. */
export function codeOf({ text }: Told): FailureCode | null {
  const value = parsed(text)
  return Value.Check(Coded, value) && Object.hasOwn(failures, value.code) ? (value.code as FailureCode) : null
}

/** What a refusal means for whoever wanted it. What was not foreseen is tried again when it is the gateway's fault. */
export function refusalOf(what: string, told: Told): Failure {
  const words = `could not ${what}: OpenFaaS answered ${told.status}, ${inShort(told.text)}`
  const code = codeOf(told)
  if (code === 'image-missing' || code === 'limit-exceeded' || code === 'unsupported') return new Failure(code, words)
  const meaning = code === null ? meanings.find(({ said }) => said.test(told.text)) : undefined
  if (meaning !== undefined) return new Failure(meaning.code, `${words}; ${meaning.advice}`)
  return new Failure(told.status >= 500 || told.status === 429 ? 'unavailable' : 'unsupported', words)
}

/** A gateway of Slipway's tells why a function does not come up, in the words of its build and by a code; null: it may still. */
export function failureToldOf(clusterName: string, { annotations }: FunctionStatus): Failure | null {
  const words = annotations?.[failureAnnotation]
  if (words === undefined) return null
  const code = startFailureOf(annotations?.[failureCodeAnnotation])
  return new Failure(code, `${clusterName} did not become ready: ${words}`)
}

/** The label of its own that the gateway refuses; null when it refuses something else. */
export function refusedLabel({ status, text }: Told): string | null {
  if (status !== 400) return null
  return /\bcom\.openfaas\.scale\.[a-z.-]*[a-z]/.exec(text)?.[0] ?? null
}

export function isThereAlready(told: Told): boolean {
  const code = codeOf(told)
  return code === null ? told.status === 409 || /already exists/i.test(told.text) : code === 'name-taken'
}
