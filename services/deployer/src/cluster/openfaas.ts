import { type Cluster, Failure } from '@slipway/domain'
import Type from 'typebox'
import type { ClusterConfig, ClusterDeps } from './cluster.ts'

/** With CLUSTER=openfaas. */
export const openFaasSettings = {
  OPENFAAS_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: "Address of the OpenFaaS gateway, as `deployer` and Slipway's own gateway reach it."
    })
  ),
  OPENFAAS_USERNAME: Type.String({ default: 'admin', description: 'Who Slipway is to it, with OPENFAAS_PASSWORD.' }),
  OPENFAAS_PASSWORD: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'For basic authentication; unset, and no OPENFAAS_TOKEN: it asks nobody.'
    })
  ),
  OPENFAAS_TOKEN: Type.Optional(
    Type.String({ minLength: 1, description: 'A bearer token, in place of user name and password.' })
  ),
  OPENFAAS_NAMESPACES: Type.Enum(['one', 'owner'], {
    default: 'one',
    description:
      '`one`: all functions in one namespace, and none with secrets; `owner`: each owner has `slipway-<slug>`, where the gateway has namespaces (not the Community Edition).'
  }),
  OPENFAAS_NAMESPACE: Type.Optional(
    Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: "The one namespace; unset: the gateway's default." })
  ),
  OPENFAAS_PULL_SECRET: Type.Optional(
    Type.String({
      minLength: 1,
      description: "A secret of the gateway's by which its cluster pulls images, listed by every function."
    })
  )
}

/** @throws Failure `invalid-configuration` */
export async function openFaasCluster(config: ClusterConfig, deps: ClusterDeps): Promise<Cluster> {
  const { installation, filesOf, logger } = deps
  const { OPENFAAS_URL: url, OPENFAAS_TOKEN: token, OPENFAAS_PASSWORD: password } = config
  if (url === undefined || !URL.canParse(url)) {
    throw new Failure('invalid-configuration', 'CLUSTER=openfaas needs OPENFAAS_URL, the address of its gateway')
  }
  if (token !== undefined && password !== undefined) {
    throw new Failure('invalid-configuration', 'set either OPENFAAS_TOKEN or OPENFAAS_PASSWORD, not both')
  }
  const username = config.OPENFAAS_USERNAME
  const basic = password === undefined ? null : { username, password }
  const { createOpenFaasCluster } = await import('@slipway/cluster/openfaas')
  return createOpenFaasCluster({
    installation,
    address: new URL(url),
    credential: token === undefined ? basic : { token },
    namespaces: config.OPENFAAS_NAMESPACES,
    namespace: config.OPENFAAS_NAMESPACE ?? null,
    pullSecret: config.OPENFAAS_PULL_SECRET ?? null,
    filesOf,
    readyTimeoutMs: config.READY_TIMEOUT_MS,
    logger
  })
}
