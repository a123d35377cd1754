import { Failure, type ForgeInstance, isCommit, isValidFullName, type Repository } from '@slipway/domain'

type Named = Pick<Repository, 'fullName'>

/**
 * Where people find a repository. Made from the configured forge and the repository's name, each segment encoded;
 * an address out of a payload is never used.
 *
 * @throws Failure `invalid-request` for a name that no forge allows (`..` would lead elsewhere).
 */
export function repositoryUrl(instance: ForgeInstance, { fullName }: Named): string {
  if (!isValidFullName(fullName)) {
    throw new Failure('invalid-request', `${JSON.stringify(fullName.slice(0, 200))} is not the name of a repository`)
  }
  return `${instance.baseUrl}/${fullName.split('/').map(encodeURIComponent).join('/')}`
}

export function cloneUrl(instance: ForgeInstance, repository: Named): string {
  return `${repositoryUrl(instance, repository)}.git`
}

/** @throws Failure `invalid-request` */
export function commitUrl(instance: ForgeInstance, repository: Named, commit: string): string {
  if (!isCommit(commit)) {
    throw new Failure('invalid-request', `${JSON.stringify(commit.slice(0, 80))} is not a full commit id`)
  }
  const path = instance.kind === 'gitlab' ? '-/commit' : 'commit'
  return `${repositoryUrl(instance, repository)}/${path}/${commit}`
}

/** The page of a line of a file, as it is in a commit. @throws Failure `invalid-request` */
export function lineUrl(
  instance: ForgeInstance,
  repository: Named,
  commit: string,
  { path, line }: { path: string; line: number }
): string {
  const at = commitUrl(instance, repository, commit).replace(/\/commit\/([0-9a-f]+)$/, '/blob/$1')
  return `${at}/${path.split('/').map(encodeURIComponent).join('/')}#L${line}`
}
