import { readFields } from './protobuf.ts'

/** `moby.buildkit.v1.StatusResponse`, of which the engine sends one a line: what changed since the last. */
export interface BuildKitTrace {
  vertexes: Vertex[]
  logs: VertexLog[]
}

/** A step of a build. Times are milliseconds since the epoch. */
export interface Vertex {
  digest: string
  name: string
  isCached: boolean
  startedAt: number | null
  completedAt: number | null
  error: string
}

export interface VertexLog {
  /** Digest of its step. */
  vertex: string
  stream: 'stdout' | 'stderr'
  bytes: Buffer
}

/** @throws RangeError for bytes that are no such message */
export function decodeTrace(base64: string): BuildKitTrace {
  const trace: BuildKitTrace = { vertexes: [], logs: [] }
  for (const { number, value } of readFields(Buffer.from(base64, 'base64'))) {
    if (number === 1) trace.vertexes.push(decodeVertex(asBytes(value)))
    if (number === 3) trace.logs.push(decodeLog(asBytes(value)))
  }
  return trace
}

function decodeVertex(bytes: Buffer): Vertex {
  const vertex: Vertex = { digest: '', name: '', isCached: false, startedAt: null, completedAt: null, error: '' }
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) vertex.digest = asText(value)
    if (number === 3) vertex.name = asText(value)
    if (number === 4) vertex.isCached = value === 1
    if (number === 5) vertex.startedAt = decodeTime(asBytes(value))
    if (number === 6) vertex.completedAt = decodeTime(asBytes(value))
    if (number === 7) vertex.error = asText(value)
  }
  return vertex
}

function decodeLog(bytes: Buffer): VertexLog {
  const log: VertexLog = { vertex: '', stream: 'stdout', bytes: Buffer.alloc(0) }
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) log.vertex = asText(value)
    if (number === 3) log.stream = value === 2 ? 'stderr' : 'stdout'
    if (number === 4) log.bytes = asBytes(value)
  }
  return log
}

/** `google.protobuf.Timestamp` */
function decodeTime(bytes: Buffer): number {
  let ms = 0
  for (const { number, value } of readFields(bytes)) {
    if (typeof value !== 'number') continue
    if (number === 1) ms += value * 1000
    if (number === 2) ms += value / 1e6
  }
  return ms
}

function asBytes(value: number | Buffer): Buffer {
  if (typeof value === 'number') throw new RangeError('a number where bytes were expected')
  return value
}

function asText(value: number | Buffer): string {
  return asBytes(value).toString('utf8')
}
