import { createHash } from 'node:crypto'
import { Failure } from '@slipway/domain'

/**
 * The engine's layer cache is everybody's: a command that was run with one owner's secret must not be found there by another owner,
 * who wrote the same lines, nor by the same owner with another value. The id of a mount is a part of what the cache goes by: so each
 * version of a secret has an id of its own, that nobody can guess, and only that is served.
 */
export function mountIdOf(versionId: string): string {
  return `${prefix}${createHash('sha256').update(`build secret ${versionId}`).digest('hex').slice(0, 40)}`
}

const prefix = 'slipway-secret-'

/**
 * Puts the ids that are served in place of those that a Dockerfile names. Mounts of secrets that the function does not have stay.
 *
 * @param ids by the id that the Dockerfile names
 * @throws Failure `unsupported` for a mount that is written so that it cannot be read here
 */
export function scopeSecretMounts(dockerfile: string, ids: ReadonlyMap<string, string>): string {
  return dockerfile.replaceAll(/--mount=(\S*)/gi, (whole, options: string) => {
    const fields = options.split(',').map((field): [string, string] => {
      const at = field.indexOf('=')
      return at < 0 ? [field.toLowerCase(), ''] : [field.slice(0, at).toLowerCase(), field.slice(at + 1)]
    })
    if (options.includes(prefix) || (/secret/i.test(options) && /["'$\\`]/.test(options))) {
      throw new Failure(
        'unsupported',
        `the Dockerfile has ${JSON.stringify(whole.slice(0, 120))}: write it on one line as --mount=type=secret,id=<name>[,target=<path>], without quotes and variables`
      )
    }
    const find = (...names: string[]) => fields.findLast(([name]) => names.includes(name))?.[1]
    if (find('type')?.toLowerCase() !== 'secret') return whole
    const target = find('target', 'dst', 'destination')
    // As BuildKit finds them: what names neither is called after its target.
    const id = find('source', 'src') ?? find('id') ?? target?.split('/').at(-1) ?? ''
    const served = ids.get(id)
    if (served === undefined) return whole
    const others = fields.filter(([name]) => !['id', 'source', 'src', 'target', 'dst', 'destination'].includes(name))
    const settled: [string, string][] = [...others, ['id', served], ['target', target ?? `/run/secrets/${id}`]]
    return `--mount=${settled.map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join(',')}`
  })
}
