import {
  type BuildIsolation,
  Failure,
  type FunctionSpec,
  type ImageReference,
  imagePathOf,
  pinnedReference,
  type StackWarning,
  type Store
} from '@slipway/domain'
import { parseReference } from '@slipway/registry'
import { limited, orAborted } from '@slipway/service'
import { type BaseImage, type PreparedContext, prepareContext } from './context/prepare.ts'
import { noSecrets } from './engine/build-image.ts'
import type { LogLine } from './engine/build-log.ts'
import type { ImageEngine } from './engine/image-engine.ts'
import type { LogWriter } from './log-writer.ts'
import type { StackFunction } from './stack/function.ts'
import { failureAt } from './stack/location.ts'
import type { Stack } from './stack/parse.ts'
import type { HeldClaim, SecretsForBuild, StackSecrets, WantedSecret } from './stack-secrets.ts'
import { resolveTemplate, type TemplateOptions } from './template/resolve.ts'
import { type BaseImageName, baseImageOf, specWithTemplate } from './template/template.ts'

/** How long a build that was cancelled waits for the engine to forget its image. */
const removeMs = 10_000

/** A function whose image is known how to come by. */
export interface PlannedFunction {
  spec: FunctionSpec
  /** For the log: where the template came from; null for an image that is there already. */
  templateSource: string | null
  context: PreparedContext | null
  buildSecrets: WantedSecret[]
  /** `skip_build`: the image as it was named. */
  image: string | null
  warnings: StackWarning[]
}

export interface MadeImage {
  image: ImageReference
  contentKey: string | null
  isReused: boolean
}

export interface FunctionImages {
  /** The engine's own, `linux/amd64`. */
  platform(signal: AbortSignal): Promise<string>
  /** Finds templates, puts contexts together and gives each its content key. Builds nothing. */
  plan(
    stack: Stack,
    of: { checkout: string; secrets: StackSecrets; claim: HeldClaim },
    signal: AbortSignal
  ): Promise<PlannedFunction[]>
  /** The image of a planned function: the one of its content key when the registry still has it, else a new one. */
  make(planned: PlannedFunction, claim: HeldClaim, log: LogWriter, signal: AbortSignal): Promise<MadeImage>
}

export interface FunctionImagesDeps {
  store: Pick<Store, 'images'>
  engine: ImageEngine
  templates: Omit<TemplateOptions, 'checkout' | 'stackTemplates'>
  /** References by name of base image. */
  bases: Partial<Record<BaseImageName, string>>
  /** `host[:port][/prefix]` */
  registry: string
  layout: 'nested' | 'flat'
  /** Around all that the registry is asked. Not one in another: the inner one may have to wait for the outer one's end. */
  atRegistry: <T>(work: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** Registries that `skip_build` may name images of. */
  imageRegistries: readonly string[]
  timeoutMs: number
  /** Of owners for whom nothing else is set. */
  isolation: BuildIsolation
  /** For one image. */
  diskBytes: number
  secretsForBuild: SecretsForBuild
  /** For a base image, and for the push of one image. */
  limits: { pullMs: number; pushMs: number }
  now: () => number
}

export function createFunctionImages(deps: FunctionImagesDeps): FunctionImages {
  const {
    store,
    engine,
    templates,
    bases,
    registry,
    layout,
    atRegistry,
    imageRegistries,
    timeoutMs,
    isolation,
    diskBytes,
    secretsForBuild,
    limits,
    now
  } = deps
  let knownPlatform: string | null = null
  /** Owner and content key of what is being built now. */
  const inFlight = new Map<string, Promise<ImageReference>>()

  async function baseImage(name: BaseImageName, signal: AbortSignal): Promise<BaseImage | null> {
    const reference = bases[name]
    if (reference === undefined) return null
    const limit = { what: `looking up the base image ${reference}`, ms: limits.pullMs, setting: 'PULL_TIMEOUT_MS' }
    return { reference, id: await limited(limit, signal, (stop) => engine.baseDigest(reference, stop)) }
  }

  /** Where an owner's own images begin; null where images of all owners stand beside each other. */
  function ownImages(slug: string): string | null {
    return layout === 'nested' ? `${registry}/${slug}/` : null
  }

  async function planOne(
    fn: StackFunction,
    stack: Stack,
    of: { checkout: string; platform: string; secrets: StackSecrets; isolation: BuildIsolation; ownerSlug: string },
    signal: AbortSignal
  ): Promise<PlannedFunction> {
    const { checkout, platform, secrets, isolation, ownerSlug } = of
    if (fn.build === null) return planImage(fn, imageRegistries, ownImages(ownerSlug))
    const [first] = fn.build.secrets
    if (first !== undefined && !(await engine.hasSecrets(isolation, signal))) {
      const { code, message } = noSecrets()
      throw failureAt(code, first.name.at, `functions.${fn.name}.build_secrets: ${message}`)
    }
    const buildSecrets = fn.build.secrets.map(({ id, name }) => ({
      id,
      name: name.value,
      ...secrets.of(name.value, id)
    }))
    const secretMounts = new Map(buildSecrets.map(({ id, mountId }) => [id, mountId]))
    const template = await resolveTemplate(
      fn.build.lang,
      { ...templates, checkout, stackTemplates: stack.templates },
      signal
    )
    const name = baseImageOf(template)
    const base = name === null ? null : await baseImage(name, signal)
    const context = await prepareContext({
      checkout,
      fn,
      template,
      copy: stack.copy,
      baseImages: name === null || base === null ? {} : { [name]: base },
      platform,
      secretMounts,
      signal
    })
    const warnings = [...template.warnings, ...context.warnings]
    const spec = specWithTemplate(fn, template)
    return { spec, templateSource: template.source, context, buildSecrets, image: null, warnings }
  }

  /** An image that is there already, as the registry has it now. */
  async function resolveImage(reference: string, signal: AbortSignal): Promise<ImageReference> {
    const { host, path, tag, digest: pinned } = parseReference(reference)
    const digest = await atRegistry(() => engine.registryDigest(reference, signal), signal)
    if (digest === null) throw new Failure('image-missing', `the registry has no ${reference}: push it there first`)
    return { repository: `${host}/${path}`, tag: tag ?? (pinned === null ? 'latest' : ''), digest }
  }

  async function findBuilt(ownerId: string, contentKey: string, signal: AbortSignal): Promise<ImageReference | null> {
    const image = await store.images.find(ownerId, contentKey, now())
    if (image === null) return null
    if (await atRegistry(() => engine.exists(pinnedReference(image), signal), signal)) return image
    await store.images.forget(ownerId, contentKey)
    return null
  }

  async function buildAndPush(
    name: string,
    { contentKey, tar, dockerfile, buildArgs }: PreparedContext,
    buildSecrets: PlannedFunction['buildSecrets'],
    claim: HeldClaim,
    log: LogWriter,
    signal: AbortSignal
  ): Promise<ImageReference> {
    const { build, repository, ownerSlug } = claim
    const imageRepository = `${registry}/${imagePathOf(ownerSlug, repository.name, name, layout)}`
    const reference = `${imageRepository}:${contentKey}`
    const labels = { 'com.slipway.owner': ownerSlug, 'com.slipway.content-key': contentKey }
    const onBuildLog = ({ stream, text }: LogLine) => log.write('build', name, stream, text)
    const onPushLog = ({ stream, text }: LogLine) => log.write('push', name, stream, text)
    const { noCache } = build
    const secrets = await secretsForBuild(claim, buildSecrets, signal)
    await engine.build(
      {
        tar,
        dockerfile,
        buildArgs,
        secrets,
        reference,
        labels,
        noCache,
        timeoutMs,
        isolation: claim.buildIsolation ?? isolation,
        diskBytes,
        onLog: onBuildLog
      },
      signal
    )
    const digest = await push(reference, onPushLog, signal)
    const made: ImageReference = { repository: imageRepository, tag: contentKey, digest }
    const layers = await atRegistry(() => engine.layers(pinnedReference(made), signal), signal)
    await store.images.save(build.ownerId, contentKey, made, now(), layers)
    log.write('push', name, 'slipway', `pushed ${imageRepository}@${digest}`)
    return made
  }

  /** An image that came to nothing because somebody cancelled does not stay behind in the engine. */
  async function push(reference: string, onLog: (line: LogLine) => void, signal: AbortSignal): Promise<string> {
    const limit = { what: `pushing ${reference}`, ms: limits.pushMs, setting: 'PUSH_TIMEOUT_MS' }
    try {
      return await atRegistry(() => limited(limit, signal, (stop) => engine.push(reference, onLog, stop)), signal)
    } catch (err) {
      if (signal.aborted) await engine.remove(reference, AbortSignal.timeout(removeMs)).catch(() => undefined)
      if (!(err instanceof Failure) || err.code !== 'image-missing') throw err
      // It was there a moment ago: whoever removed it, it was not its owner.
      throw new Failure('unavailable', `${reference} left the engine before it was pushed`, { cause: err })
    }
  }

  return {
    async platform(signal) {
      const limit = { what: 'asking the engine for its platform', ms: limits.pullMs, setting: 'PULL_TIMEOUT_MS' }
      knownPlatform ??= await limited(limit, signal, (stop) => engine.platform(stop))
      return knownPlatform
    },
    async plan(stack, { checkout, secrets, claim }, signal) {
      const platform = await this.platform(signal)
      const { ownerSlug } = claim
      const of = { checkout, platform, secrets, isolation: claim.buildIsolation ?? isolation, ownerSlug }
      return Promise.all(stack.functions.map((fn) => planOne(fn, stack, of, signal)))
    },
    async make({ spec: { name }, context, buildSecrets, image, templateSource }, claim, log, signal) {
      if (image !== null) return { image: await resolveImage(image, signal), contentKey: null, isReused: true }
      if (context === null) throw new Failure('invalid-request', `function ${name} has neither a context nor an image`)
      const { contentKey } = context
      const { ownerId, noCache } = claim.build
      const flight = `${ownerId} ${contentKey}`
      // Another function of the same content may be under way: what it makes is used again, whatever else becomes of it.
      await orAborted(inFlight.get(flight)?.catch(() => null) ?? Promise.resolve(null), signal)
      const known = noCache ? null : await findBuilt(ownerId, contentKey, signal)
      if (known !== null) {
        log.write('build', name, 'slipway', `nothing changed: the image ${contentKey.slice(0, 12)} is used again`)
        return { image: known, contentKey, isReused: true }
      }
      await store.images.assertRoom(ownerId)
      log.write('template', name, 'slipway', `template: ${templateSource}; ${context.files} files`)
      const making = buildAndPush(name, context, buildSecrets, claim, log, signal)
      inFlight.set(flight, making)
      try {
        return { image: await making, contentKey, isReused: false }
      } finally {
        if (inFlight.get(flight) === making) inFlight.delete(flight)
      }
    }
  }
}

/**
 * @param own what an owner's images in the platform's registry begin with.
 * @throws Failure `unsupported` for a registry that is not on the list: another owner's images may be there.
 */
function planImage(fn: StackFunction, allowed: readonly string[], own: string | null): PlannedFunction {
  const { spec, image } = fn
  if (image === null) throw failureAt('invalid-stack', fn.at, `functions.${fn.name}: skip_build needs an image`)
  const { host } = parseReference(image.value)
  // Some clients resolve `..` on their way to another owner's.
  const isOwn = own !== null && image.value.startsWith(own) && !/\/\.{0,2}\//.test(image.value)
  if (!isOwn && !allowed.includes(host)) {
    const all = own === null ? allowed : [...allowed, own]
    const list = all.length === 0 ? 'none is allowed here' : `allowed are ${all.join(', ')}`
    throw failureAt(
      'unsupported',
      image.at,
      `functions.${fn.name}.image: images of ${host} may not be used with skip_build, ${list}`
    )
  }
  return { spec, templateSource: null, context: null, buildSecrets: [], image: image.value, warnings: [] }
}
