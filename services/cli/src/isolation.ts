import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'

const modes = { shared: 'shared', strict: 'strict', default: null } as const

/** Sets how an owner's builds are kept apart, and says what that means. */
export async function setIsolation(api: StatusApi, owner: string, mode: string): Promise<string> {
  if (!isMode(mode)) {
    throw new Failure('invalid-request', `there is no isolation ${JSON.stringify(mode)}: say shared, strict or default`)
  }
  await api.setBuildIsolation({ owner, isolation: modes[mode] })
  switch (mode) {
    case 'default':
      return `builds of ${owner} are kept apart as BUILD_ISOLATION says`
    case 'shared':
      return `builds of ${owner} share the engine with others`
    case 'strict':
      return `builds of ${owner} have limits and a network of their own; build_secrets are refused there`
  }
}

function isMode(mode: string): mode is keyof typeof modes {
  return Object.hasOwn(modes, mode)
}
