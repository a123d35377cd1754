import type { Build, FunctionSpec, Repository } from '@slipway/domain'

/** What OpenFaaS Cloud put on functions, so that tools that read it go on working; `git-cloud` tells them that it is one. */
export function labelsOf(
  spec: FunctionSpec,
  from: { build: Build; repository: Repository; ownerSlug: string; forgeKind: string; ownerForgeId: string; at: number }
): Record<string, string> {
  const { build, repository, ownerSlug, forgeKind, ownerForgeId, at } = from
  return {
    ...spec.labels,
    'com.openfaas.cloud.git-cloud': '1',
    'com.openfaas.cloud.git-owner': ownerSlug,
    'com.openfaas.cloud.git-owner-id': ownerForgeId,
    'com.openfaas.cloud.git-repo': repository.name,
    'com.openfaas.cloud.git-deploytime': String(Math.floor(at / 1000)),
    'com.openfaas.cloud.git-sha': build.commit,
    'com.openfaas.cloud.git-private': repository.isPrivate ? '1' : '0',
    'com.openfaas.cloud.git-scm': forgeKind,
    'com.openfaas.cloud.git-branch': build.ref.replace(/^refs\/heads\//, ''),
    'com.openfaas.scale.min': String(spec.replicas.min),
    'com.openfaas.scale.max': String(spec.replicas.max)
  }
}

export function annotationsOf(spec: FunctionSpec, repositoryUrl: string): Record<string, string> {
  return { ...spec.annotations, 'com.openfaas.cloud.git-repo-url': repositoryUrl }
}
