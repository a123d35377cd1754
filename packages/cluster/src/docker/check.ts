import type { Engine } from './engine.ts'
import type { Firewall } from './firewall.ts'
import type { OwnerNetworks } from './network.ts'

export interface Finding {
  name: string
  isOk: boolean
  detail: string
}

export interface CheckDeps {
  engine: Engine
  networks: OwnerNetworks
  firewall: Firewall
  installation: string
  signal: AbortSignal
}

/** What this machine can hold and enforce, one line per finding. */
export async function runChecks({ engine, firewall, signal }: CheckDeps): Promise<Finding[]> {
  const version: unknown = await engine.call('ask the engine its version', signal, (docker) => docker.version())
  return [
    { name: 'engine', isOk: true, detail: JSON.stringify(version) },
    { name: 'isolation', ...(await firewall.assert(signal)) }
  ]
}
