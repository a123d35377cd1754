import { type Delivery, Failure, type ForgeEvent } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** What both kinds of webhooks share: reading headers and bytes that a stranger may have sent. */

/** One header, given once. Null when it is missing, empty or there are several of it. */
export function header(delivery: Delivery, name: string): string | null {
  const value = delivery.headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/**
 * The forge's id of the delivery. It becomes a key in the store, so it has to look like one.
 *
 * @throws Failure `invalid-payload`
 */
export function deliveryIdOf(delivery: Delivery, name: string): string | null {
  const value = delivery.headers[name]
  if (value === undefined || value === '') return null
  if (typeof value === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(value)) return value
  throw new Failure('invalid-payload', `the header ${name} is not a delivery id`)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes as text that encodes back to exactly these bytes; null when they are not UTF-8. A byte order mark is kept. */
export function exactText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch (err) {
    if (err instanceof TypeError) return null
    throw err
  }
}

export type JsonObject = Record<string, unknown>

/** @throws Failure `invalid-payload` for anything but one JSON object. */
export function parseObject(text: string): JsonObject {
  let value: unknown
  try {
    // A property called `__proto__` is one like any other here: objects are only read, field by field, and never merged into others.
    value = JSON.parse(text)
  } catch (err) {
    throw new Failure('invalid-payload', 'the body is not JSON', { cause: err })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('invalid-payload', 'the body is not a JSON object')
  }
  return value as JsonObject
}

export interface Shape<S extends TSchema> {
  fits(body: unknown): body is Static<S>
  /** @throws Failure `invalid-payload` naming the first field that does not fit. */
  read(body: unknown): Static<S>
}

/** Only fields that are used stand in a shape: forges add others at will. */
export function createShape<S extends TSchema>(eventName: string, schema: S): Shape<S> {
  const compiled = Compile(schema)
  const fits = (body: unknown): body is Static<S> => compiled.Check(body)
  return {
    fits,
    read(body) {
      if (fits(body)) return body
      const [problem] = compiled.Errors(body)
      const where = problem === undefined ? '' : `: ${problem.instancePath || 'the body'} ${problem.message}`
      throw new Failure('invalid-payload', `the body does not have the shape of the event "${eventName}"${where}`)
    }
  }
}

/** Ids beyond 2^53 cannot be told apart once they are parsed: refused. */
export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
/** Text that becomes part of a name or a key: no control characters, no halves of a character. */
export const Name = Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\p{Cc}\p{Cs}]+$` })
export const FullName = Type.String({ minLength: 3, maxLength: 1024, pattern: String.raw`^[^\p{Cc}\p{Cs}]+$` })
/** Whether git would take it is decided with the push; here only what no database would take is kept out. */
export const RefName = Type.String({ minLength: 1, maxLength: 1024, pattern: String.raw`^[^\p{Cc}\p{Cs}]+$` })
export const ObjectId = Type.String({ pattern: '^[0-9a-fA-F]{4,64}$' })

/** The first 1,000 characters of a commit's message, without what a database or a terminal would choke on. */
export function shortMessage(message: string): string {
  return message.slice(0, 1000).replaceAll('\u0000', '\ufffd').toWellFormed()
}

export function ignored(reason: string): ForgeEvent {
  return { kind: 'ignored', reason }
}
