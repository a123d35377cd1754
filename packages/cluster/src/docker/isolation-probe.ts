import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { functionPort } from '@slipway/domain'
import type { ContainerCreateOptions } from 'dockerode'
import { labels, shortInstallation } from '../labels.ts'
import { pause } from '../pause.ts'
import type { CheckDeps } from './check.ts'
import { unprivilegedUser } from './container.ts'
import { type Engine, longCallMs, statusOf } from './engine.ts'
import { type OwnerNetwork, probeSlug } from './network.ts'
import { type Answer, ask } from './probe.ts'
import { gatewayOf } from './subnet.ts'

export interface Proof {
  isOk: boolean
  detail: string
}

const imageTries = 6
const answerLimitMs = 20_000
const closedStatus = 200
const openStatus = 409

/**
 * Each tries to reach the host from inside and then serves what came of it by HTTP, so that the host's way in is tried as well.
 * Arguments: address and port of the host.
 */
const interpreters: readonly (readonly string[])[] = [
  [
    'node',
    '-e',
    `const [host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port: Number(port), timeout: 1500 })
const end = (status) => { socket.destroy(); socket.removeAllListeners(); socket.on('error', () => {})
  require('node:http').createServer((_, res) => { res.statusCode = status; res.end() }).listen(${functionPort}) }
socket.once('connect', () => end(${openStatus}))
for (const event of ['timeout', 'error']) socket.once(event, () => end(${closedStatus}))`
  ],
  [
    'python3',
    '-c',
    `import http.server, socket, sys
status = ${closedStatus}
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5).close()
    status = ${openStatus}
except OSError:
    pass
class Told(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.end_headers()
http.server.HTTPServer(('0.0.0.0', ${functionPort}), Told).serve_forever()`
  ]
]

/** Proves by a container in a network like an owner's that functions do not reach the host, and that the host reaches them. */
export async function proveIsolation(deps: CheckDeps, signal: AbortSignal): Promise<Proof> {
  const { engine, networks } = deps
  const network = await networks.ensure(probeSlug, signal)
  const listener = createServer((socket) => socket.destroy())
  try {
    const port = await listen(listener)
    for (const image of await localImages(engine, signal)) {
      for (const interpreter of interpreters) {
        const id = await startProbe(
          deps,
          network,
          image,
          [...interpreter, gatewayOf(network.subnet), String(port)],
          signal
        )
        if (id !== null) return await judge(engine, id, network, signal)
      }
    }
    return { isOk: true, detail: 'rules are in place; no image on this machine could prove it yet' }
  } finally {
    listener.close()
    if (!signal.aborted) await networks.remove(probeSlug, signal)
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Ids, those that functions run on first. */
async function localImages(engine: Engine, signal: AbortSignal): Promise<string[]> {
  const [containers, images] = await Promise.all([
    engine.call('list containers', signal, (docker, abortSignal) =>
      docker.listContainers({ filters: { label: [labels.deployment] }, abortSignal })
    ),
    engine.call('list images', signal, (docker, abortSignal) => docker.listImages({ abortSignal }))
  ])
  const ids = [...containers.map(({ ImageID }) => ImageID), ...images.map(({ Id }) => Id)]
  return [...new Set(ids)].slice(0, imageTries)
}

/** @returns null when the image does not have the interpreter. */
async function startProbe(
  { engine, installation }: CheckDeps,
  network: OwnerNetwork,
  image: string,
  command: string[],
  signal: AbortSignal
): Promise<string | null> {
  const name = `slw-${shortInstallation(installation)}-check-${randomBytes(4).toString('hex')}`
  const body: ContainerCreateOptions = {
    Image: image,
    Entrypoint: command,
    Cmd: [],
    User: unprivilegedUser,
    Labels: { [labels.installation]: installation },
    HostConfig: {
      NetworkMode: network.name,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      Memory: 128 * 1024 * 1024,
      PidsLimit: 64
    }
  }
  const { id } = await engine.call(
    'create a probe',
    signal,
    (docker, abortSignal) => docker.createContainer({ ...body, name, abortSignal }),
    longCallMs
  )
  try {
    await engine.call(
      'start a probe',
      signal,
      (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }),
      longCallMs
    )
    return id
  } catch (err) {
    await removeProbe(engine, id)
    if (statusOf(err) === null) throw err
    return null
  }
}

async function judge(engine: Engine, id: string, network: OwnerNetwork, signal: AbortSignal): Promise<Proof> {
  try {
    const found = await engine.call('inspect a probe', signal, (docker) => docker.getContainer(id).inspect())
    const host = found.NetworkSettings.Networks[network.name]?.IPAddress ?? ''
    const answer = await firstAnswer(host, signal)
    if (answer?.kind !== 'status') {
      return {
        isOk: false,
        detail: `this host does not reach containers by their addresses (${host}): functions cannot be called here`
      }
    }
    return answer.status === closedStatus
      ? { isOk: true, detail: 'rules are in place, and a probe container could not reach this host' }
      : {
          isOk: false,
          detail: 'rules are in place, but a probe container reached this host: another rule lets it pass'
        }
  } finally {
    await removeProbe(engine, id)
  }
}

async function firstAnswer(host: string, signal: AbortSignal): Promise<Answer | null> {
  const end = AbortSignal.timeout(answerLimitMs)
  let answer: Answer | null = null
  while (!end.aborted) {
    answer = await ask({ host, port: functionPort }, '/', 1000, signal)
    if (answer.kind === 'status') return answer
    await pause(50, signal)
  }
  return answer
}

/** Also when the caller has given up: a probe is never left behind. */
async function removeProbe(engine: Engine, id: string): Promise<void> {
  await engine.call(
    'remove a probe',
    AbortSignal.timeout(longCallMs),
    (docker) => docker.getContainer(id).remove({ force: true, v: true }),
    longCallMs
  )
}
