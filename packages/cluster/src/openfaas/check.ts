import { Failure, type Finding } from '@slipway/domain'
import type { Info } from './client.ts'
import type { OpenFaasGateway } from './gateway.ts'
import type { Places } from './places.ts'

/** For `doctor`: does the gateway answer, does it know us, and what can be had there? */
export async function runChecks(
  { gateway, places, isByOwner }: { gateway: OpenFaasGateway; places: Places; isByOwner: boolean },
  signal: AbortSignal
): Promise<Finding[]> {
  try {
    const info = await gateway.info(signal)
    const lists = await Promise.all((await places.all(signal)).map((namespace) => gateway.list(namespace, signal)))
    const functions = lists.flat().length
    return [
      { name: 'openfaas', isOk: true, detail: `${nameOf(info)} answers; functions that it has: ${functions}` },
      edition(info, functions),
      {
        name: 'secrets',
        isOk: true,
        detail: isByOwner
          ? 'each owner has a namespace, and its secrets there'
          : 'functions with secrets are refused: all owners share a namespace (OPENFAAS_NAMESPACES=owner separates them, where the gateway has namespaces)'
      },
      {
        name: 'isolation',
        isOk: true,
        detail:
          'who reaches whom, and as which user functions run, is up to the cluster behind the gateway: it calls every function for anybody who reaches it'
      }
    ]
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return [{ name: 'openfaas', isOk: false, detail: err.message }]
  }
}

export function nameOf({ provider, version }: Info): string {
  const gateway = version?.release === undefined ? 'OpenFaaS' : `OpenFaaS ${version.release}`
  return provider?.provider === undefined ? gateway : `${gateway} with ${provider.provider}`
}

/** What is known of the Community Edition: 15 functions, 5 replicas of each, public images. */
function edition({ provider }: Info, functions: number): Finding {
  const name = 'edition'
  if (provider?.provider?.endsWith('-ce') !== true)
    return { name, isOk: true, detail: 'no limits of an edition are known' }
  const room = communityLimit - functions
  return {
    name,
    isOk: room > 0,
    detail: `the Community Edition has at most ${communityLimit} functions, 5 replicas of each and no images with a password; room for ${Math.max(0, room)} more, and each new version needs room beside the former one`
  }
}

const communityLimit = 15
