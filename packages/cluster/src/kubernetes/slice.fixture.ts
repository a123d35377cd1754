import type { V1EndpointSlice } from '@kubernetes/client-node'
import { labels } from '../labels.ts'

/** As the cluster makes it of a function's Service. */
export function sliceOf(
  owner: string,
  functionName: string,
  pods: readonly { address: string; ready?: boolean; terminating?: boolean }[],
  { namespace = `slipway-${owner}`, version = '7' } = {}
): V1EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: {
      namespace,
      name: `${functionName}-abcde`,
      resourceVersion: version,
      labels: { [labels.installation]: 'i1', [labels.owner]: owner, [labels.function]: functionName }
    },
    endpoints: pods.map(({ address, ready = true, terminating = false }) => ({
      addresses: [address],
      conditions: { ready: ready && !terminating, terminating },
      targetRef: { kind: 'Pod', namespace, name: `${functionName}-0` }
    }))
  }
}
