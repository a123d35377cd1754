import { clusterNameOf, Failure, type FunctionSpec, type SourceLocation } from '@slipway/domain'
import { admitEnvironment, writeTimeoutOf } from './environment.ts'
import { droppedFields, functionFields, namesOf } from './fields.ts'
import { failureAt, type Located, quote } from './location.ts'
import { admitLabel, isAllowed, type StackPolicy } from './policy.ts'
import { optional, required } from './presence.ts'
import type { Field, Reader } from './reader.ts'
import { readinessOf } from './readiness.ts'
import { refuseForeignNamespace, refuseForeignPlatforms } from './refusals.ts'
import { beyondOwner, beyondOwnLimits, resourcesOf } from './resources.ts'
import { checkScaling, replicasOf } from './scaling.ts'
import { checkSchedule } from './schedule.ts'
import { type BuildSecret, readBuildSecrets, readSecrets } from './secrets.ts'

/** How a function's image is made. */
export interface FunctionBuild {
  lang: Located<string>
  /** As written: confined only when it is opened. */
  handler: Located<string>
  arguments: Record<string, string>
  /** Names of `build_options`, looked up in the template. */
  options: Located<string>[]
  secrets: BuildSecret[]
}

/** One entry of `functions`. */
export interface StackFunction {
  name: string
  /** `<slug>-<name>` */
  clusterName: string
  at: SourceLocation
  /** null: `skip_build`, then `image` is what to deploy. */
  build: FunctionBuild | null
  image: Located<string> | null
  spec: FunctionSpec
  /** Where the spec's secrets are named. */
  secrets: Located<string>[]
  /** Files whose variables go over `spec.environment`, the last one first. Read by `readStack`, which leaves none. */
  environmentFiles: Located<string>[]
}

export interface FunctionContext {
  reader: Reader
  slug: string
  /** The engine's own platform, `linux/amd64`. */
  platform: string
  policy: StackPolicy
  variables: Readonly<Record<string, string>>
}

export function readFunction(name: string, field: Field, context: FunctionContext): StackFunction {
  const { reader, policy } = context
  const clusterName = nameInCluster(name, field.at, context.slug)
  const found = reader.fields(field, namesOf(functionFields), droppedFields.function)
  const get = (key: string): Field => found.get(key) ?? { name: `${field.name}.${key}`, at: field.at, node: null }

  refuseForeignNamespace(get('namespace'), reader, context.slug)
  const buildSecrets = readBuildSecrets(get('build_secrets'), reader, context.slug)
  const secrets = readSecrets(get('secrets'), reader, context.slug)
  refuseForeignPlatforms(get('platforms'), reader, context.platform)
  const environment = reader
    .entries(get('environment'))
    .map(({ key, field }) => ({ key, value: reader.longText(field), field }))
  const { stay: annotations, noted: notedAnnotations } = readLabels(get('annotations'), context)
  const { stay: labels, noted: notedLabels } = readLabels(get('labels'), context)
  checkScaling(labels, reader)
  checkSchedule(annotations, labels, context)
  const limits = resourcesOf(get('limits'), reader, { ...policy, refuse: beyondOwner(context.slug) })
  const variables = admitEnvironment(environment)
  const image = optional(get('image'), reader)
  return {
    name,
    clusterName,
    at: field.at,
    image,
    build: reader.boolean(get('skip_build'))
      ? skipBuild(field, image)
      : { ...readBuild(get, image, context), secrets: buildSecrets },
    secrets,
    environmentFiles: reader.list(get('environment_file')).map((item) => reader.located(item)),
    spec: {
      name,
      environment: variables,
      secrets: secrets.map(({ value }) => value),
      labels: plain(labels),
      annotations: plain(annotations),
      ...(notedLabels.size + notedAnnotations.size === 0
        ? {}
        : { notes: { labels: plain(notedLabels), annotations: plain(notedAnnotations) } }),
      limits,
      requests:
        get('requests').node === null
          ? null
          : resourcesOf(get('requests'), reader, { defaults: limits, maximum: limits, refuse: beyondOwnLimits }),
      replicas: replicasOf(labels, context),
      hasReadonlyRoot: readonlyRoot(get('readonly_root_filesystem'), context),
      fprocess: optional(get('fprocess'), reader)?.value ?? null,
      constraints: reader.list(get('constraints')).map((item) => required(item, reader, 'a constraint').value),
      readiness: readinessOf(annotations, variables),
      writeTimeoutMs: writeTimeoutOf(variables, get('environment').at)
    }
  }
}

function nameInCluster(name: string, at: SourceLocation, slug: string): string {
  try {
    return clusterNameOf(slug, name)
  } catch (err) {
    if (err instanceof Failure) throw failureAt(err.code, at, err.message, err)
    throw err
  }
}

function readBuild(
  get: (key: string) => Field,
  image: Located<string> | null,
  { reader, policy, variables }: FunctionContext
): Omit<FunctionBuild, 'secrets'> {
  const written = required(get('lang'), reader, 'the name of a template, for example "node"')
  const lang = { ...written, value: written.value === 'Dockerfile' ? 'dockerfile' : written.value }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(lang.value)) {
    throw failureAt('invalid-stack', lang.at, `${get('lang').name}: ${quote(lang.value)} is not the name of a template`)
  }
  if (lang.value === 'dockerfile' && !policy.isDockerfileAllowed) {
    throw failureAt(
      'unsupported',
      lang.at,
      `${get('lang').name}: Dockerfiles of one's own are switched off here: use a template, or ask an administrator`
    )
  }
  const imageName = image?.value.split('/').at(-1) ?? ''
  if (image !== null && (image.value.includes('/') || /[:@]/.test(imageName.replace(/:latest$/, '')))) {
    reader.warn(image.at, `${get('image').name}: registry and tag are ignored: the platform names its images itself`)
  }
  const buildArguments: Record<string, string> = {}
  for (const { key, field } of reader.entries(get('build_args'))) {
    const value = reader.text(field)
    if (isAllowed(key, policy.buildArguments)) buildArguments[key] = value
    else reader.warn(field.at, `${field.name} is dropped: allowed are ${policy.buildArguments.join(', ')}`)
  }
  // What was set outside the repository goes over what is written in it.
  for (const [name, value] of Object.entries(variables)) {
    if (isAllowed(name, policy.buildArguments)) buildArguments[name] = value
  }
  return {
    lang,
    handler: required(get('handler'), reader, 'the folder of the function, for example "./hello"'),
    arguments: buildArguments,
    options: reader.list(get('build_options')).map((item) => required(item, reader, 'the name of a build option'))
  }
}

function skipBuild(field: Field, image: Located<string> | null): null {
  if (image === null) throw failureAt('invalid-stack', field.at, `${field.name}: skip_build needs an image to deploy`)
  if (
    !/^[a-z0-9][a-z0-9._\-/:]{0,254}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/.test(image.value)
  ) {
    throw failureAt('invalid-stack', image.at, `${field.name}.image: ${quote(image.value)} is not an image reference`)
  }
  return null
}

type Labels = Map<string, Located<string>>

function readLabels(field: Field, { reader, policy }: FunctionContext): { stay: Labels; noted: Labels } {
  const stay: Labels = new Map()
  const noted: Labels = new Map()
  for (const { key, field: value } of reader.entries(field)) {
    const located = reader.located(value)
    if (located.value.length > 4096)
      throw failureAt('limit-exceeded', located.at, `${value.name}: longer than 4096 characters`)
    const verdict = admitLabel(key, value.at, value.name, policy, reader)
    if (verdict === 'stays') stay.set(key, located)
    if (verdict === 'noted') noted.set(key, located)
  }
  return { stay, noted }
}

function plain(labels: ReadonlyMap<string, Located<string>>): Record<string, string> {
  return Object.fromEntries([...labels].map(([key, { value }]) => [key, value]))
}

function readonlyRoot(field: Field, { reader, policy }: FunctionContext): boolean {
  if (field.node === null || reader.boolean(field)) return true
  if (!policy.isReadonlyRootRequired) return false
  reader.warn(
    field.at,
    `${field.name}: false is not used: functions here have a read-only root; /tmp can be written to`
  )
  return true
}
