import { randomUUID } from 'node:crypto'
import {
  type Claim,
  Failure,
  type FunctionSpec,
  type StackWarning,
  type Store,
  shortCommit,
  skipReason
} from '@slipway/domain'
import { createRedactor, type Redactor, redactFailure } from '@slipway/secrets'
import type { Logger, RunStage } from '@slipway/service'
import { type BuildSourceDeps, sourceOf } from './build-source.ts'
import type { DiskGuard } from './disk-guard.ts'
import type { FunctionImages, PlannedFunction } from './function-images.ts'
import type { Mirrors } from './git/mirrors.ts'
import { createLogWriter, type LogWriter } from './log-writer.ts'
import type { SettleHeadDeps } from './settle-head.ts'
import type { Stack } from './stack/parse.ts'
import type { HeldClaim, SettleSecrets } from './stack-secrets.ts'
import { findUntouched } from './untouched.ts'

export interface BuildDeps {
  store: Pick<Store, 'builds' | 'deployments' | 'functions' | 'logs'>
  mirrors: Mirrors
  uploads: BuildSourceDeps['uploads']
  access: SettleHeadDeps['access']
  readStack(checkout: string, claim: Claim, platform: string): Promise<Stack>
  images: FunctionImages
  settleSecrets: SettleSecrets
  ensureRoom: DiskGuard
  runStage: RunStage
  holder: string
  leaseMs: number
  /** Functions of one build that are built at a time. */
  functionConcurrency: number
  logLimitBytes: number
  now: () => number
  logger: Logger
  changed(buildId: string): void
  logGrew(buildId: string): void
  /** A stage of a build is due. */
  due(): void
}

/** The story of a build: claim, look at the head, check out, read the stack, make the images, hand over. */
export function createBuild(deps: BuildDeps) {
  const { store, mirrors, uploads, images, runStage, leaseMs, now, logger, changed, due } = deps

  /** Reads the stack and writes down what will be done, before anything is done. */
  async function plan(
    claim: HeldClaim,
    checkout: string,
    redactor: Redactor,
    signal: AbortSignal
  ): Promise<{ planned: PlannedFunction[]; untouched: string | null }> {
    const { build, repository } = claim
    const stack = await deps.readStack(checkout, claim, await images.platform(signal))
    const names = stack.functions.map(({ name }) => name)
    const [taken] = await store.functions.conflicts(build.ownerId, repository.id, names)
    if (taken !== undefined) {
      const location = stack.functions.find(({ name }) => name === taken.name)?.at
      const message = `function "${taken.name}" belongs to ${taken.holder}: choose another name, or remove it there first`
      throw new Failure('name-taken', message, location === undefined ? {} : { location })
    }
    const secrets = await deps.settleSecrets(claim, { checkout, stack }, redactor, signal)
    const planned = await images.plan(stack, { checkout, secrets, claim }, signal)
    const untouched = await findUntouched({ store, mirrors }, claim, planned, signal)
    if (untouched !== null) return { planned, untouched }
    const warnings = [...stack.warnings, ...planned.flatMap(({ warnings }) => warnings)]
    const specs = planned.map(({ spec }): { name: string; spec: FunctionSpec } => ({ name: spec.name, spec }))
    await store.builds.plan(build.id, claim.holder, specs, unique(warnings))
    return { planned, untouched }
  }

  /** The token that reads the repository is a secret of this build too. */
  function guarded(redactor: Redactor): BuildDeps['access'] {
    return async (repositoryId, signal) => {
      const access = await deps.access(repositoryId, signal)
      if (access.credential !== null) redactor.add(access.credential.password)
      return access
    }
  }

  async function makeImages(
    claim: HeldClaim,
    planned: PlannedFunction[],
    log: LogWriter,
    redactor: Redactor,
    signal: AbortSignal
  ): Promise<void> {
    const { build } = claim
    const failures: { name: string; err: unknown }[] = []
    await eachLimited(planned, deps.functionConcurrency, async (one) => {
      const { name } = one.spec
      if (signal.aborted) return
      try {
        await store.builds.updateFunction(build.id, name, { status: 'building', startedAt: now() })
        changed(build.id)
        const made = await images.make(one, claim, log, signal)
        await store.builds.updateFunction(build.id, name, { status: 'built', builtAt: now(), ...made })
      } catch (thrown) {
        const err = redactFailure(thrown, redactor)
        failures.push({ name, err })
        if (signal.aborted || !(err instanceof Failure) || err.retry) return
        log.write('build', name, 'slipway', err.message)
        // Its end goes onto the commit with the failure.
        await log.flush()
        await store.builds.updateFunction(build.id, name, { status: 'failed', reason: err.message, finishedAt: now() })
      }
    })
    signal.throwIfAborted()
    // A fault of ours comes first: it is tried again, and what was built by then is reused.
    const first = failures.find(({ err }) => !(err instanceof Failure) || err.retry) ?? failures[0]
    if (first === undefined) return
    if (!(first.err instanceof Failure)) throw first.err
    const { code, message, location } = first.err
    throw new Failure(code, `${first.name}: ${message}`, {
      cause: first.err,
      ...(location === undefined ? {} : { location })
    })
  }

  async function skip({ build, holder }: HeldClaim, log: LogWriter, reason: string): Promise<void> {
    log.write('checkout', null, 'slipway', `not built: ${reason}`)
    await log.flush()
    await store.builds.finish(build.id, holder, { status: 'skipped', reason }, now())
  }

  async function work(claim: HeldClaim, log: LogWriter, redactor: Redactor, signal: AbortSignal): Promise<void> {
    const { build, holder } = claim
    const say = (text: string) => log.write('checkout', null, 'slipway', text)
    await deps.ensureRoom(signal)
    await using source = await sourceOf(claim, { store, mirrors, uploads, access: guarded(redactor), now, say }, signal)
    if (source === null) return due()
    // A push says so when it is delivered; of one whose delivery was lost only the commit itself can tell.
    const skipped = build.trigger === 'head' ? skipReason(source.message) : null
    if (skipped !== null) return skip(claim, log, skipped)
    const { planned, untouched } = await plan(claim, source.path, redactor, signal)
    if (untouched !== null) return skip(claim, log, untouched)
    log.write('stack', null, 'slipway', `functions: ${planned.map(({ spec }) => spec.name).join(', ')}`)
    await makeImages(claim, planned, log, redactor, signal)
    await log.flush()
    await store.builds.handOver(build.id, holder, now())
    due()
  }

  return async function build({ buildId }: { buildId: string }, shutdown: AbortSignal): Promise<void> {
    const holder = `${deps.holder}-${randomUUID()}`
    const claimed = await store.builds.claim(buildId, holder, leaseMs, now())
    if (claimed === null) return
    const claim: HeldClaim = { ...claimed, holder }
    changed(buildId)
    logger.info(
      { buildId, commit: claim.build.commit, ref: claim.build.ref, generation: claim.build.generation },
      'build started'
    )
    const redactor = createRedactor()
    const log = createLogWriter({
      logs: store.logs,
      buildId,
      redact: (text) => redactor.redact(text),
      limitBytes: deps.logLimitBytes,
      now,
      grew: () => deps.logGrew(buildId),
      onError: (err) => logger.warn({ err, buildId }, 'the build log could not be written, it is tried again')
    })
    await runStage(claim.build, holder, shutdown, async (signal) => {
      try {
        await work(claim, log, redactor, signal)
      } catch (thrown) {
        const err = redactFailure(thrown, redactor)
        if (err instanceof Failure) log.write('build', null, 'slipway', err.message)
        throw err
      } finally {
        await log.flush()
      }
    })
    logger.info({ buildId, shortCommit: shortCommit(claim.build.commit) }, 'build stage ended')
  }
}

/** Two functions of one template have the same warning once. */
function unique(warnings: StackWarning[]): StackWarning[] {
  return [
    ...new Map(
      warnings.map((warning) => [`${warning.path}:${warning.line}:${warning.column}:${warning.message}`, warning])
    ).values()
  ]
}

/** Runs `work` on every item, at most `limit` at a time. */
async function eachLimited<T>(items: T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, async () => {
      for (const item of queue) await work(item)
    })
  )
}
