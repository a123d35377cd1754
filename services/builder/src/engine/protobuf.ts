/** As much of protocol buffers' wire format as BuildKit's few messages need: https://protobuf.dev/programming-guides/encoding */

export interface WireField {
  number: number
  /** A number for variable-length integers, the bytes for everything that has a length. */
  value: number | Buffer
}

/** Fixed-width fields are skipped: no message read here has one. */
export function* readFields(bytes: Buffer): Generator<WireField> {
  let at = 0
  const readVarint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('the message ends within a number')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, value: readVarint() }
        break
      case 1:
        at += 8
        break
      case 2: {
        const length = readVarint()
        if (at + length > bytes.length) throw new RangeError('the message ends within a field')
        yield { number, value: bytes.subarray(at, at + length) }
        at += length
        break
      }
      case 5:
        at += 4
        break
      default:
        throw new RangeError(`wire type ${tag % 8} is not known`)
    }
  }
}

/** A message of text fields; empty ones are left out, as the format has it. */
export function writeTexts(fields: Record<number, string>): Buffer {
  const parts = Object.entries(fields).flatMap(([number, text]) => {
    const bytes = Buffer.from(text)
    return text === '' ? [] : [varint(Number(number) * 8 + 2), varint(bytes.length), bytes]
  })
  return Buffer.concat(parts)
}

/** A message of one field of bytes. An empty one is left out, as the format has it. */
export function writeBytes(number: number, bytes: Uint8Array): Buffer {
  return bytes.length === 0 ? Buffer.alloc(0) : Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 0x80)
  return Buffer.from([...bytes, rest])
}
