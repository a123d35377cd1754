import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { Stop } from './processes.mjs'

/** The few calls of the Docker Engine API that a bootstrap needs, without a Docker command line and without a library. */
export function createEngine(address, env = {}) {
  const target = targetOf(address, env)

  const open = (method, path, { body, contentType, timeoutMs = 10_000 } = {}) =>
    new Promise((resolve, reject) => {
      const send = target.protocol === 'https:' ? httpsRequest : httpRequest
      const headers = body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }
      const req = send({ ...target, method, path, headers, agent: false }, resolve)
      const giveUp = () => req.destroy(new Error(`no answer from the Docker engine within ${timeoutMs / 1000} s`))
      if (timeoutMs > 0) req.setTimeout(timeoutMs, giveUp)
      req.once('error', reject)
      if (body === undefined || typeof body === 'string') req.end(body)
      else pipeline(body, req, (err) => err && reject(err))
    })

  const call = async (method, path, options) => {
    const res = await open(method, path, options)
    res.setEncoding('utf8')
    let text = ''
    for await (const chunk of res) text += chunk
    return { status: res.statusCode, text }
  }

  const json = async (method, path, options) => {
    const { status, text } = await call(method, path, options)
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text.trim()}`)
    return text === '' ? null : JSON.parse(text)
  }

  return {
    address,
    version: () => json('GET', '/version', { timeoutMs: 5000 }),
    hasImage: async (reference) => (await call('GET', `/images/${reference}/json`)).status === 200,
    removeImage: (reference) => call('DELETE', `/images/${reference}?force=true`, { timeoutMs: 60_000 }),

    /** The ids of everything of one kind (`containers`, `networks`, `volumes`, `images`) that carries a label. */
    async withLabel(kind, label) {
      const filters = encodeURIComponent(JSON.stringify({ label: [label] }))
      const found = await json(
        'GET',
        `/${kind}${kind === 'containers' || kind === 'images' ? '/json' : ''}?all=true&filters=${filters}`
      )
      return kind === 'volumes' ? (found.Volumes ?? []).map(({ Name }) => Name) : found.map(({ Id }) => Id)
    },
    async remove(kind, id) {
      const { status, text } = await call('DELETE', `/${kind}/${id}?force=true&v=true`, { timeoutMs: 60_000 })
      if (status >= 300 && status !== 404) throw new Error(`removing ${kind} ${id} answered ${status}: ${text.trim()}`)
    },

    /** False when the image cannot be had: no network, no such image. A registry that is silent for 5 s is not waited for. */
    async pull(reference) {
      try {
        const res = await open('POST', `/images/create?${imageQuery(reference)}`, { timeoutMs: 5000 })
        res.setTimeout(120_000) // it has begun: from here on a pause is no sign of a missing network
        return (await isWithoutError(res)) && res.statusCode === 200
      } catch {
        return false
      }
    },

    /** Makes an image of a root file system, given as a tar stream. */
    async importImage(repository, tag, tar, changes) {
      const query = new URLSearchParams({ fromSrc: '-', repo: repository, tag })
      for (const change of changes) query.append('changes', change)
      const options = { body: tar, contentType: 'application/x-tar', timeoutMs: 120_000 }
      const { status, text } = await call('POST', `/images/create?${query}`, options)
      if (status !== 200 || text.includes('"error"'))
        throw new Stop(`Docker could not import ${repository}: ${text.trim()}`)
    },

    /** Runs a command in a container of an image, without network, and returns its exit code. */
    async tryOut(image, command, labels) {
      const body = JSON.stringify({ Image: image, Cmd: command, Labels: labels, NetworkDisabled: true })
      const { Id: id } = await json('POST', '/containers/create', { body })
      try {
        await json('POST', `/containers/${id}/start`)
        const { StatusCode: code } = await json('POST', `/containers/${id}/wait`, { timeoutMs: 60_000 })
        return code
      } finally {
        await this.remove('containers', id)
      }
    }
  }
}

function targetOf(address, env) {
  if (address.startsWith('unix://')) return { socketPath: address.slice('unix://'.length) }
  const url = /^(tcp|https?):\/\//.test(address) ? new URL(address) : null
  if (url === null) throw new Stop(`DOCKER_HOST ${address} cannot be used: it must begin with unix:// or tcp://`)
  const certificates = env.DOCKER_CERT_PATH
  const isTls = url.protocol === 'https:' || certificates !== undefined
  const target = { protocol: isTls ? 'https:' : 'http:', host: url.hostname, port: url.port || (isTls ? 2376 : 2375) }
  if (certificates === undefined) return target
  const read = (name) => readFileSync(join(certificates, name))
  return { ...target, ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
}

function imageQuery(reference) {
  const digest = reference.indexOf('@')
  const colon = reference.lastIndexOf(':')
  const hasTag = digest === -1 && colon > reference.lastIndexOf('/')
  const [name, tag] =
    digest !== -1
      ? [reference.slice(0, digest), reference.slice(digest + 1)]
      : hasTag
        ? [reference.slice(0, colon), reference.slice(colon + 1)]
        : [reference, 'latest']
  return new URLSearchParams({ fromImage: name, tag })
}

/** The engine answers 200 first and tells of errors in the stream of JSON lines. */
async function isWithoutError(res) {
  res.setEncoding('utf8')
  let text = ''
  for await (const chunk of res) text += chunk
  return !text.includes('"error"')
}
