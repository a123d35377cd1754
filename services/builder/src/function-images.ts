import {
  Failure,
  type FunctionSpec,
  type ImageReference,
  imagePathOf,
  pinnedReference,
  type StackWarning,
  type Store
} from '@slipway/domain'
import { parseReference } from '@slipway/registry'
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
  plan(stack: Stack, of: { checkout: string; secrets: StackSecrets }, signal: AbortSignal): Promise<PlannedFunction[]>
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
  /** Around each push. */
  pushing: <T>(push: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** Registries that `skip_build` may name images of. */
  imageRegistries: readonly string[]
  timeoutMs: number
  secretsForBuild: SecretsForBuild
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
    pushing,
    imageRegistries,
    timeoutMs,
    secretsForBuild,
    now
  } = deps
  let knownPlatform: string | null = null
  /** Owner and content key of what is being built now. */
  const inFlight = new Map<string, Promise<ImageReference>>()

  async function baseImage(name: BaseImageName, signal: AbortSignal): Promise<BaseImage | null> {
    const reference = bases[name]
    return reference === undefined ? null : { reference, id: await engine.baseDigest(reference, signal) }
  }

  async function planOne(
    fn: StackFunction,
    stack: Stack,
    of: { checkout: string; platform: string; secrets: StackSecrets },
    signal: AbortSignal
  ): Promise<PlannedFunction> {
    if (fn.build === null) return planImage(fn, imageRegistries)
    const { checkout, platform, secrets } = of
    const [first] = fn.build.secrets
    if (first !== undefined && !(await engine.hasSecrets(signal))) {
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
    const { host, path, tag } = parseReference(reference)
    const digest = await engine.registryDigest(reference, signal)
    if (digest === null) throw new Failure('image-missing', `the registry has no ${reference}: push it there first`)
    return { repository: `${host}/${path}`, tag: tag ?? 'latest', digest }
  }

  async function findBuilt(ownerId: string, contentKey: string, signal: AbortSignal): Promise<ImageReference | null> {
    const image = await store.images.find(ownerId, contentKey, now())
    if (image === null) return null
    if (await engine.exists(pinnedReference(image), signal)) return image
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
      { tar, dockerfile, buildArgs, secrets, reference, labels, noCache, timeoutMs, onLog: onBuildLog },
      signal
    )
    const digest = await pushing(() => engine.push(reference, onPushLog, signal), signal)
    const made: ImageReference = { repository: imageRepository, tag: contentKey, digest }
    await store.images.save(build.ownerId, contentKey, made, now())
    log.write('push', name, 'slipway', `pushed ${imageRepository}@${digest}`)
    return made
  }

  return {
    async platform(signal) {
      knownPlatform ??= await engine.platform(signal)
      return knownPlatform
    },
    async plan(stack, { checkout, secrets }, signal) {
      const platform = await this.platform(signal)
      return Promise.all(stack.functions.map((fn) => planOne(fn, stack, { checkout, platform, secrets }, signal)))
    },
    async make({ spec: { name }, context, buildSecrets, image, templateSource }, claim, log, signal) {
      if (image !== null) return { image: await resolveImage(image, signal), contentKey: null, isReused: true }
      if (context === null) throw new Failure('invalid-request', `function ${name} has neither a context nor an image`)
      const { contentKey } = context
      const { ownerId, noCache } = claim.build
      const flight = `${ownerId} ${contentKey}`
      // Another function of the same content may be under way: what it makes is used again, whatever else becomes of it.
      await inFlight.get(flight)?.catch(() => null)
      const known = noCache ? null : await findBuilt(ownerId, contentKey, signal)
      if (known !== null) {
        log.write('build', name, 'slipway', `nothing changed: the image ${contentKey.slice(0, 12)} is used again`)
        return { image: known, contentKey, isReused: true }
      }
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

/** @throws Failure `unsupported` for a registry that is not on the list: another owner's images may be there. */
function planImage(fn: StackFunction, allowed: readonly string[]): PlannedFunction {
  const { spec, image } = fn
  if (image === null) throw failureAt('invalid-stack', fn.at, `functions.${fn.name}: skip_build needs an image`)
  const { host } = parseReference(image.value)
  if (!allowed.includes(host)) {
    const list = allowed.length === 0 ? 'none is allowed here' : `allowed are ${allowed.join(', ')}`
    throw failureAt(
      'unsupported',
      image.at,
      `functions.${fn.name}.image: images of ${host} may not be used with skip_build, ${list}`
    )
  }
  return { spec, templateSource: null, context: null, buildSecrets: [], image: image.value, warnings: [] }
}
