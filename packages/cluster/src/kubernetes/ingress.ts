import type { Deployment } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { IngressPolicy, OwnedObject } from './owned-object.ts'

/** Dots are in no slug and in no function's name, so that no two functions share one. */
export function ingressName({ ownerSlug, functionName }: Pick<Deployment, 'ownerSlug' | 'functionName'>): string {
  return `${ownerSlug}.${functionName}`
}

/** The way from outside to a function, whatever version of it is live. `deployment` is who applied it last. */
export function ingressOf(deployment: Deployment, installation: string, policy: IngressPolicy): OwnedObject {
  const { ownerSlug, functionName } = deployment
  const { gateway, className, tlsSecret, annotations } = policy
  const host = `${ownerSlug}.${policy.domain}`
  const backend = { service: { name: gateway.service, port: { number: gateway.port } } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: ingressName(deployment),
      namespace: gateway.namespace,
      labels: {
        [labels.installation]: installation,
        [labels.owner]: ownerSlug,
        [labels.function]: functionName
      },
      annotations: { ...annotations, [labels.deployment]: deployment.id }
    },
    spec: {
      ...(className === null ? {} : { ingressClassName: className }),
      ...(tlsSecret === null
        ? {}
        : { tls: [{ hosts: [host], secretName: tlsSecret.replaceAll('{owner}', ownerSlug) }] }),
      rules: [{ host, http: { paths: [{ path: `/${functionName}`, pathType: 'Prefix', backend }] } }]
    }
  }
}
