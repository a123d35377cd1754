import type { V1NodeSelectorRequirement, V1PodSpec } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'

/** Swarm's words for what Kubernetes has a label for. */
const labelOf: Readonly<Record<string, string>> = {
  'node.platform.os': 'kubernetes.io/os',
  'node.platform.arch': 'kubernetes.io/arch',
  'node.hostname': 'kubernetes.io/hostname'
}

/**
 * Placement constraints as they stand in `stack.yml`: Kubernetes' labels (`kubernetes.io/arch=amd64`), as OpenFaaS has them,
 * and Swarm's words (`node.platform.os == linux`, `node.labels.disk != hdd`).
 *
 * @throws Failure `unsupported` naming one that is neither.
 */
export function placementOf(constraints: readonly string[]): Pick<V1PodSpec, 'nodeSelector' | 'affinity'> {
  const wanted: Record<string, string> = {}
  const unwanted: V1NodeSelectorRequirement[] = []
  for (const constraint of constraints) {
    const [, name = '', operator = '', value = ''] = /^\s*([^\s=!]+)\s*(==|!=|=)\s*(.*?)\s*$/.exec(constraint) ?? []
    const key = labelOf[name] ?? /^(?:node|engine)\.labels\.(.+)$/.exec(name)?.[1] ?? name
    if (!/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(key)) {
      throw new Failure('unsupported', `the constraint ${JSON.stringify(constraint)} is no "<label>=<value>" of a node`)
    }
    if (operator === '!=') unwanted.push({ key, operator: 'NotIn', values: [value] })
    else wanted[key] = value
  }
  return {
    ...(Object.keys(wanted).length === 0 ? {} : { nodeSelector: wanted }),
    ...(unwanted.length === 0
      ? {}
      : {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: unwanted }] }
            }
          }
        })
  }
}
