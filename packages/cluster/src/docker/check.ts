import { Failure } from '@slipway/domain'
import type { Engine } from './engine.ts'
import type { Firewall } from './firewall.ts'
import { proveIsolation } from './isolation-probe.ts'
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
}

const minimumApi = 1.41

/** What this machine can hold and enforce, one line per finding. Never throws but for the signal. */
export async function runChecks(deps: CheckDeps, signal: AbortSignal): Promise<Finding[]> {
  const { engine } = deps
  let version: Record<string, unknown>
  let info: Record<string, unknown>
  try {
    ;[version, info] = await Promise.all([
      engine.call('ask the engine its version', signal, async (docker) => ({ ...(await docker.version()) })),
      engine.call('ask the engine about its host', signal, async (docker) => fieldsOf(await docker.info()))
    ])
  } catch (err) {
    if (signal.aborted || !(err instanceof Failure)) throw err
    return [{ name: 'engine', isOk: false, detail: err.message }]
  }
  return [engineFinding(version), limitsFinding(info), await isolationFinding(deps, signal)]
}

function engineFinding({ Version, ApiVersion }: Record<string, unknown>): Finding {
  const isOk = Number(ApiVersion) >= minimumApi
  const detail = `Docker ${String(Version)}, API ${String(ApiVersion)}`
  return {
    name: 'engine',
    isOk,
    detail: isOk ? detail : `${detail} is too old: API ${minimumApi} (Docker 20.10) is needed`
  }
}

function limitsFinding(info: Record<string, unknown>): Finding {
  const wanted = { MemoryLimit: 'memory', SwapLimit: 'swap', CpuCfsQuota: 'CPU', PidsLimit: 'process' }
  const missing = Object.entries(wanted).flatMap(([field, word]) => (info[field] === true ? [] : [word]))
  const where = `cgroup v${String(info.CgroupVersion)}`
  // Without swap accounting the memory limit still holds; a function may only use swap besides.
  const isOk = missing.every((word) => word === 'swap')
  return {
    name: 'limits',
    isOk,
    detail:
      missing.length === 0
        ? `memory, CPU and process limits hold (${where})`
        : `${missing.join(', ')} limits do not hold (${where}): the kernel must be told to account for them`
  }
}

async function isolationFinding(deps: CheckDeps, signal: AbortSignal): Promise<Finding> {
  const name = 'isolation'
  try {
    const state = await deps.firewall.assert(signal)
    if (!state.isOk)
      return { name, isOk: false, detail: `functions are not kept apart from this host: ${state.detail}` }
    return { name, ...(await proveIsolation(deps, signal)) }
  } catch (err) {
    if (signal.aborted || !(err instanceof Failure)) throw err
    return { name, isOk: false, detail: err.message }
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
