import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, startProcess } from '@slipway/machine'
import { createStore } from '@slipway/store'
import { median, residentBytes } from '../soak/process-figures.ts'
import { type WebhookCase, webhookCases } from './webhook-cases.ts'

const seed = Number(process.env.SLIPWAY_TEST_SEED ?? 20_260_101)
const count = Number(process.env.SLIPWAY_TEST_DELIVERIES ?? 10_000)
/** What a fresh process takes to come to its usual size. */
const warmUp = 3000
const batch = 200

const secrets = {
  github: 'the secret of the fuzzing',
  gitlab: `whsec_${Buffer.from('thirty-two bytes of the fuzzing!').toString('base64')}`
}
const expectedStatuses = new Set([200, 202, 400, 401, 404, 408, 413, 415])

test(`the receiver stays calm whatever is delivered: ${count} generated and mutated deliveries (seed ${seed})`, async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-fuzz-'))
  const port = await freePort()
  const logFile = join(home, 'receiver.log')
  const receiver = await startProcess({
    program: process.execPath,
    args: [fileURLToPath(new URL('../../services/receiver/src/main.ts', import.meta.url))],
    env: {
      SLIPWAY_HOME: home,
      RECEIVER_PORT: String(port),
      GITHUB_WEBHOOK_SECRET: secrets.github,
      GITLAB_WEBHOOK_SIGNING_TOKEN: secrets.gitlab,
      // Nobody listens there: recording does not need it.
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      LOG_LEVEL: 'warn'
    },
    logFile,
    isReady: () => isUp(port),
    readyTimeoutMs: 30_000
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  t.after(async () => {
    agent.destroy()
    await receiver.stop()
    await rm(home, { recursive: true, force: true })
  })

  const sizes: number[] = []
  for (let from = -warmUp; from < count; from += batch) {
    const cases = webhookCases(secrets, seed, from, batch, Math.floor(Date.now() / 1000))
    await sendAll(cases, port, agent)
    if (from >= 0) sizes.push(await residentBytes(receiver.pid))
  }

  const quarter = Math.floor(sizes.length / 4)
  const growth = median(sizes.slice(-quarter)) / median(sizes.slice(0, quarter))
  t.diagnostic(
    `resident memory: ${(median(sizes.slice(-quarter)) / 2 ** 20).toFixed(0)} MiB, ${growth.toFixed(3)} of the first quarter's`
  )
  assert.ok(growth <= 1.1, `memory grew to ${growth.toFixed(3)} of what it was`)
  assert.ok(await isUp(port), 'it still answers')
  const trouble = (await readFile(logFile, 'utf8')).split('\n').filter((line) => !/^(\{"level":[1-4]0,.*)?$/.test(line))
  assert.deepEqual(trouble, [], 'no error, nothing unhandled')

  const store = await createStore({ url: null, file: join(home, 'store.sqlite') })
  t.after(() => store.close())
  let recorded = 0
  for (let before: string | null = null; ; ) {
    const page = await store.deliveries.list(null, { before, limit: 500 })
    for (const { deliveryId } of page) assert.match(deliveryId ?? 'none', /^signed-/)
    recorded += page.length
    before = page.at(-1)?.id ?? null
    if (before === null) break
  }
  assert.ok(recorded > count / 20, `what was rightly signed was recorded: ${recorded}`)
})

async function sendAll(cases: WebhookCase[], port: number, agent: Agent): Promise<void> {
  const left = cases.values()
  const sender = async () => {
    for (const one of left) {
      const { status, body } = await send(one, port, agent)
      const what = `${one.path} ${JSON.stringify(one.headers)} ${one.body.toString('base64').slice(0, 2000)}`
      assert.ok(expectedStatuses.has(status), `${status} ${body}: ${what}`)
      const { code, message } = JSON.parse(body) as { code?: unknown; message?: unknown }
      assert.ok(typeof code === 'string' && typeof message === 'string', `${body}: ${what}`)
      assert.ok(one.isSigned || status >= 400, `${status} for what nobody signed: ${what}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, sender))
}

function send(one: WebhookCase, port: number, agent: Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { ...one.headers, 'content-length': String(one.body.length) }
    const req = request({ port, path: one.path, method: 'POST', headers, agent }, (res) => {
      const parts: Buffer[] = []
      res.on('data', (part: Buffer) => parts.push(part))
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(one.body)
  })
}

async function isUp(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok
  } catch {
    return false // not listening yet
  }
}
