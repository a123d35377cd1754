import type { Deployment, Resources } from '@slipway/domain'

/** One thing that two deployments differ in; null: it is not there. */
export interface Difference {
  name: string
  before: string | null
  after: string | null
}

/**
 * What differs between two deployments of a function: commit, image and configuration, in words. Values out of `stack.yml` are told;
 * of those that an owner set, as of secrets, only that they differ: whoever may look at deployments may not know them all.
 */
export function differencesOf(before: Deployment, after: Deployment): Difference[] {
  return [
    ...ofWords(wordsOf(before), wordsOf(after)),
    ...ofWords(entriesOf('label', before.spec.labels), entriesOf('label', after.spec.labels)),
    ...ofWords(entriesOf('annotation', before.spec.annotations), entriesOf('annotation', after.spec.annotations)),
    ...ofEnvironment(before, after),
    ...ofSecrets(before, after)
  ]
}

type Words = Record<string, string | null>

function ofWords(before: Words, after: Words): Difference[] {
  return namesOf(before, after).flatMap((name) => {
    const difference = { name, before: before[name] ?? null, after: after[name] ?? null }
    return difference.before === difference.after ? [] : [difference]
  })
}

function namesOf(before: object, after: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
}

const entriesOf = (kind: string, values: Record<string, string>): Words =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind} ${name}`, value]))

function wordsOf({ commit, image, spec, replicas }: Deployment): Words {
  return {
    commit,
    image: image.digest,
    replicas: String(replicas),
    'replicas, at least': String(spec.replicas.min),
    'replicas, at most': String(spec.replicas.max),
    'memory limit': memoryOf(spec.limits),
    'processor limit': processorOf(spec.limits),
    'memory request': spec.requests === null ? null : memoryOf(spec.requests),
    'processor request': spec.requests === null ? null : processorOf(spec.requests),
    'read-only root': spec.hasReadonlyRoot ? 'yes' : 'no',
    process: spec.fprocess,
    constraints: spec.constraints.length === 0 ? null : spec.constraints.join(', '),
    'readiness path': spec.readiness.path,
    'write timeout': `${spec.writeTimeoutMs / 1000} s`
  }
}

const memoryOf = ({ memoryBytes }: Resources) => `${Math.round(memoryBytes / 1024 / 1024)} MiB`
const processorOf = ({ cpuMillis }: Resources) => `${cpuMillis / 1000} CPU`

function ofEnvironment(before: Deployment, after: Deployment): Difference[] {
  const names = namesOf(before.spec.environment, after.spec.environment)
  return names.toSorted().flatMap((name) => {
    if (before.spec.environment[name] === after.spec.environment[name]) return []
    const told = [valueOf(before, name), valueOf(after, name)] as const
    const isTold = told[0] !== told[1]
    return [{ name: `variable ${name}`, before: told[0], after: isTold ? told[1] : 'another value set outside of git' }]
  })
}

function valueOf({ spec, declaredEnvironment }: Deployment, name: string): string | null {
  const value = spec.environment[name]
  if (value === undefined) return null
  return declaredEnvironment[name] === value ? value : 'a value set outside of git'
}

function ofSecrets(before: Deployment, after: Deployment): Difference[] {
  const versions = ({ secrets }: Deployment) => new Map(secrets.map(({ name, versionId }) => [name, versionId]))
  const [former, later] = [versions(before), versions(after)]
  return [...new Set([...former.keys(), ...later.keys()])].toSorted().flatMap((name) => {
    if (former.get(name) === later.get(name)) return []
    const both = former.has(name) && later.has(name)
    const there = (is: boolean, words: string) => (is ? words : null)
    return [
      {
        name: `secret ${name}`,
        before: there(former.has(name), 'a version'),
        after: there(later.has(name), both ? 'another version' : 'a version')
      }
    ]
  })
}
