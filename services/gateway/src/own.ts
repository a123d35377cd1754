import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '@slipway/domain/failure'
import type { Logger } from '@slipway/service/logger'
import type { Registry } from 'prom-client'
import { answer, answerFailure } from './answers.ts'
import type { IsPeer } from './peers.ts'

export interface OwnOptions {
  registry: Registry
  isMetricsPeer: IsPeer
  /** What the gateway lacks to serve; empty when it is ready. */
  missing: () => string[]
  logger: Logger
}

/** All that there is of them: who may ask each is tried for each. */
export const ownPaths = ['/healthz', '/readyz', '/metrics'] as const
type OwnPath = (typeof ownPaths)[number]

function isOwnPath(path: string): path is OwnPath {
  return (ownPaths as readonly string[]).includes(path)
}

/** What the gateway answers itself, on hosts of its own only: on a function's host these paths are functions. */
export function createOwn({ registry, isMetricsPeer, missing, logger }: OwnOptions) {
  const routes: Record<OwnPath, (req: IncomingMessage, res: ServerResponse) => void> = {
    '/healthz': (_req, res) => answerJson(res, 200, { status: 'ok' }),
    '/readyz': (_req, res) => ready(res),
    '/metrics': (req, res) => {
      if (isMetricsPeer(req.socket.remoteAddress) && !isForwarded(req)) void metrics(res)
      else notFound(res)
    }
  }

  return function own(req: IncomingMessage, res: ServerResponse, path: string): void {
    if ((req.method === 'GET' || req.method === 'HEAD') && isOwnPath(path)) routes[path](req, res)
    else notFound(res)
  }

  function ready(res: ServerResponse): void {
    const lacking = missing()
    if (lacking.length > 0) answerJson(res, 503, { status: 'unavailable', missing: lacking })
    else answerJson(res, 200, { status: 'ok' })
  }

  async function metrics(res: ServerResponse): Promise<void> {
    try {
      answer(res, 200, registry.contentType, await registry.metrics())
    } catch (err) {
      logger.error({ err }, 'the metrics could not be written')
      answerFailure(res, new Failure('unavailable', 'the metrics could not be written', { cause: err }))
    }
  }
}

/** It came through a proxy: the peer's address says nothing about who asks. */
function isForwarded(req: IncomingMessage): boolean {
  return req.headers['x-forwarded-for'] !== undefined || req.headers.forwarded !== undefined
}

function answerJson(res: ServerResponse, status: number, body: unknown): void {
  answer(res, status, 'application/json', JSON.stringify(body))
}

function notFound(res: ServerResponse): void {
  answerFailure(res, new Failure('not-found', 'nothing is served here: functions are at /function/<owner>-<function>'))
}
