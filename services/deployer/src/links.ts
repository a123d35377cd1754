import type { Build } from '@slipway/domain'
import type { DeployerConfig } from './config.ts'

/** A live function's status leads to the function, everything else to the build's page. */
export function linksOf({ PUBLIC_URL, GATEWAY_PUBLIC_URL }: Pick<DeployerConfig, 'PUBLIC_URL' | 'GATEWAY_PUBLIC_URL'>) {
  return (build: Build, ownerSlug: string | null, functionName: string | null): string | null => {
    if (build.status === 'live' && functionName !== null && ownerSlug !== null && GATEWAY_PUBLIC_URL !== undefined) {
      return `${GATEWAY_PUBLIC_URL}/function/${ownerSlug}-${functionName}`
    }
    return PUBLIC_URL === undefined ? null : `${PUBLIC_URL}/builds/${build.id}`
  }
}
