import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { nodeAddress } from './ground.ts'

export const clusterDomain = 'cluster.local'
const ofService = new RegExp(`^([^.]+)\\.([^.]+)\\.svc\\.${clusterDomain}$`)
const addressType = 1
/** Whose the answer is: ours, to one question, without an error or with one of these. */
const codes = { found: 0x8580, failed: 0x8582, unknown: 0x8583 }

/** What a cluster's DNS does for its pods: Services by their names, all else asked of the machine's own. */
export async function startNames(kubeconfig: string): Promise<{ close(): Promise<void> }> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const server = await machineServer()
  const socket = createSocket('udp4')
  const respond = async (asked: Buffer, port: number, address: string) => {
    const answer = await answerTo(asked)
    // Closed meanwhile: who asked is gone as well.
    if (answer !== null && !isClosed) socket.send(answer, port, address)
  }
  socket.on('message', (asked, { address, port }) => void respond(asked, port, address))
  const answerTo = async (asked: Buffer): Promise<Buffer | null> => {
    const question = questionOf(asked)
    if (question === null) return null
    const { name, type, end } = question
    if (!name.endsWith(`.${clusterDomain}`)) {
      return server === null ? reply(asked, end, codes.unknown) : ask(server, asked)
    }
    try {
      const address = await addressOf(core, name)
      if (address === null) return reply(asked, end, codes.unknown)
      return reply(asked, end, codes.found, type === addressType ? address : null)
    } catch {
      return reply(asked, end, codes.failed) // the API is away: who asked does so again
    }
  }
  let isClosed = false
  socket.bind(53, nodeAddress)
  await once(socket, 'listening')
  socket.on('error', () => undefined) // of an answer to a pod that is gone
  return {
    async close() {
      isClosed = true
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
  }
}

async function addressOf(core: CoreV1Api, asked: string): Promise<string | null> {
  const [, name, namespace] = ofService.exec(asked) ?? []
  if (name === undefined || namespace === undefined) return null
  try {
    const address = (await core.readNamespacedService({ name, namespace })).spec?.clusterIP ?? ''
    return isIPv4(address) ? address : null
  } catch (err) {
    if (err instanceof ApiException && err.code === 404) return null
    throw err
  }
}

async function machineServer(): Promise<string | null> {
  const text = await readFile('/etc/resolv.conf', 'utf8')
  return /^nameserver\s+(\d\S+)/m.exec(text)?.[1] ?? null
}

/** null for what is no question. */
function questionOf(asked: Buffer): { name: string; type: number; end: number } | null {
  const labels: string[] = []
  let at = 12
  for (let length = asked[at] ?? 0; length > 0; length = asked[at] ?? 0) {
    labels.push(asked.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  if (labels.length === 0 || end > asked.length) return null
  return { name: labels.join('.').toLowerCase(), type: asked.readUInt16BE(at + 1), end }
}

/** The question again, and the address where there is one; for five seconds. */
function reply(asked: Buffer, end: number, code: number, address: string | null = null): Buffer {
  const head = Buffer.from(asked.subarray(0, end))
  head.writeUInt16BE(code, 2)
  for (const [index, count] of [1, address === null ? 0 : 1, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * index)
  if (address === null) return head
  return Buffer.concat([
    head,
    Buffer.from([0xc0, 12, 0, addressType, 0, 1, 0, 0, 0, 5, 0, 4, ...address.split('.').map(Number)])
  ])
}

/** null where nobody answers: who asked waits and asks again. */
function ask(server: string, asked: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const end = (answer: Buffer | null) => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const timer = setTimeout(() => end(null), 5000)
    socket.once('message', (answer) => end(answer))
    socket.once('error', () => end(null))
    socket.send(asked, 53, server)
  })
}
