import type { Resources } from '@slipway/domain'

/** Most functions wait most of the time: what is set aside for one that does not say is less than what it may take. */
export function usualRequests({ cpuMillis, memoryBytes }: Resources): Resources {
  return { cpuMillis: Math.ceil(cpuMillis / 10), memoryBytes: Math.ceil(memoryBytes / 2) }
}
