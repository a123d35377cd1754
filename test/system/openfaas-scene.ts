import assert from 'node:assert/strict'
import { waitFor } from '@slipway/machine'
import { call, createScene, type Scene, stackOf } from './scene.ts'

interface SystemAnswer {
  status: number
  text: string
  json(): Record<string, unknown>
}

/** An installation whose owner `dave` has the function `hello` of git, and a token for OpenFaaS' API. */
export interface OpenFaasScene extends Scene {
  token: string
  /** Of `hello`, by tag. */
  image: string
  /** What a function of dave's answers. */
  said(name: string, body?: string): Promise<Record<string, unknown>>
  /** A call of OpenFaaS' API by the gateway. */
  system(method: string, path: string, body?: object, secret?: string): Promise<SystemAnswer>
  untilReady(name: string, colour: string | null): Promise<void>
}

const handler = `const { readFileSync } = require('node:fs')
module.exports = async (event, context) => {
  console.log('called with ' + event.body)
  const read = (name) => { try { return readFileSync('/var/openfaas/secrets/' + name, 'utf8') } catch { return null } }
  return context.status(200).succeed(JSON.stringify({ said: String(event.body), colour: process.env.COLOUR ?? null, secret: read('api-key') }))
}
`

export async function createOpenFaasScene(settings: Record<string, string> = {}): Promise<OpenFaasScene> {
  const scene = await createScene({ CALLBACK_LOOPBACK: 'on', SCHEDULE_MIN_PERIOD_MS: '1000', ...settings })
  try {
    return await withOpenFaasOwner(scene)
  } catch (err) {
    await scene.close()
    throw err
  }
}

/** Of an installation wherever its functions run. */
export async function withOpenFaasOwner(scene: Scene): Promise<OpenFaasScene> {
  const repository = await scene.repository({ owner: 'dave' })
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': handler })
  assert.equal((await repository.ended(commit)).status, 'live')
  const { api } = scene.installation
  const { live } = await api.getFunction({ owner: 'dave', name: 'hello' })
  const { secret: token } = await api.createToken({ owner: 'dave', name: 'faas', scope: 'admin', expiresInDays: 1 })

  async function said(name: string, body = 'x'): Promise<Record<string, unknown>> {
    const headers = { 'content-type': 'text/plain' }
    const answer = await call(scene, `/function/${name}.dave`, { method: 'POST', body, headers })
    return answer.status === 200 ? (JSON.parse(answer.body) as Record<string, unknown>) : { status: answer.status }
  }

  async function system(method: string, path: string, body?: object, secret = token): Promise<SystemAnswer> {
    const authorization = `Basic ${Buffer.from(`admin:${secret}`).toString('base64')}`
    const text = body === undefined ? null : JSON.stringify(body)
    const about = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text ?? '')) }
    const headers = { authorization, ...(text === null ? {} : about) }
    const { status, body: answer } = await call(scene, path, {
      method,
      headers,
      ...(text === null ? {} : { body: text })
    })
    return { status, text: answer, json: () => JSON.parse(answer) as Record<string, unknown> }
  }

  async function untilReady(name: string, colour: string | null): Promise<void> {
    await waitFor(async () => (await said(name)).colour === colour, { timeoutMs: 60_000, what: `${name} in ${colour}` })
  }

  const image = `${live?.image.repository}:${live?.image.tag}`
  return Object.assign(scene, { token, image, said, system, untilReady })
}
