import { writeFile } from 'node:fs/promises'
import { CoreV1Api, type KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node'
import { permissions } from '@slipway/cluster/kubernetes-permissions'

/** Who the tests' cluster is to the API server: one that may do what the chart lets the deployer do, and nothing else. */
export interface DeployerRights {
  kubeconfig: string
  close(): Promise<void>
}

export async function giveDeployerRights(admin: KubeConfig, path: string, name: string): Promise<DeployerRights> {
  const core = admin.makeApiClient(CoreV1Api)
  const rbac = admin.makeApiClient(RbacAuthorizationV1Api)
  const namespace = 'default'
  const metadata = { name }
  await core.createNamespacedServiceAccount({ namespace, body: { metadata } })
  const rules = permissions.map(({ group, resource, verb }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [verb]
  }))
  await rbac.createClusterRole({ body: { metadata, rules } })
  await rbac.createClusterRoleBinding({
    body: {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }]
    }
  })
  const { status } = await core.createNamespacedServiceAccountToken({
    name,
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 7200 } }
  })
  const { server, caFile, caData, skipTLSVerify } = admin.getCurrentCluster() ?? {}
  const cluster = {
    server,
    'insecure-skip-tls-verify': skipTLSVerify,
    'certificate-authority': caFile,
    'certificate-authority-data': caData
  }
  await writeFile(
    path,
    JSON.stringify({
      clusters: [{ name: 'test', cluster }],
      users: [{ name, user: { token: status?.token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test'
    }),
    { mode: 0o600 }
  )
  return {
    kubeconfig: path,
    async close() {
      await rbac.deleteClusterRoleBinding({ name })
      await rbac.deleteClusterRole({ name })
      await core.deleteNamespacedServiceAccount({ namespace, name })
    }
  }
}
