import type { BuildStatus, DeploymentStatus } from '@slipway/domain'

/*
 * What builds and deployments of one repository come to, as simply as it can be told: lists and loops, and no database.
 * The store has to agree with it after every sequence of commands.
 */

export interface ModelBuild {
  id: string
  commit: string
  status: BuildStatus
  trigger: 'push' | 'head' | 'rebuild' | 'rollback' | 'resume'
  generation: number | null
  holder: string | null
  leaseUntil: number
  dispatchedAt: number | null
  dueAt: number
  attempt: number
  claims: number
  isCancelAsked: boolean
  /** Names of the stack's functions once they are planned. */
  functions: string[]
  /** Of a rollback: the deployment that is to run again. */
  earlier: string | null
  /** Deployment by function, once prepared. */
  prepared: Map<string, string>
}

export interface ModelDeployment {
  id: string
  buildId: string
  functionName: string
  commit: string
  /** What it runs. */
  content: string
  generation: number
  status: DeploymentStatus
}

export interface ModelFunction {
  live: string | null
  generation: number
  isPaused: boolean
}

export interface Model {
  now: number
  /** Of the last claim or rollback. */
  generation: number
  /** Oldest first. */
  builds: ModelBuild[]
  deployments: ModelDeployment[]
  functions: Map<string, ModelFunction>
  observed: { commit: string; buildId: string; generation: number } | null
}

export const leaseMs = 100
export const redispatchMs = 100
/** A build that was taken up so often without an end is given up. */
export const claimLimit = 10

export function createModel(): Model {
  return {
    now: 1_000_000,
    generation: 0,
    builds: [],
    deployments: [],
    functions: new Map(),
    observed: null
  }
}

export const isOpen = ({ status }: ModelBuild) => ['queued', 'building', 'deploying'].includes(status)
export const isHeld = (model: Model, build: ModelBuild) => build.holder !== null && build.leaseUntil > model.now

/** It runs, or was chosen to. */
export const isActive = (build: ModelBuild) =>
  build.status === 'building' ||
  build.status === 'deploying' ||
  (build.status === 'queued' && build.dispatchedAt !== null)

/** It has its ref for itself: a rollback goes beside the ref's builds. */
export const hasRef = (build: ModelBuild) => isActive(build) && build.trigger !== 'rollback'

export function endOf(build: ModelBuild, status: BuildStatus): void {
  build.status = status
  letGo(build)
}

export function letGo(build: ModelBuild): void {
  build.holder = null
  build.leaseUntil = 0
  build.dispatchedAt = null
}

/** A worker lets a build go without an end; one that was to be cancelled ends. */
export function giveUp(build: ModelBuild): boolean {
  if (build.isCancelAsked) {
    endOf(build, 'cancelled')
    return false
  }
  if (build.status === 'building') build.status = 'queued'
  letGo(build)
  return true
}

export function newBuild(model: Model, id: string, change: Partial<ModelBuild>): ModelBuild {
  const build: ModelBuild = {
    id,
    commit: '',
    status: 'queued',
    trigger: 'push',
    generation: null,
    holder: null,
    leaseUntil: 0,
    dispatchedAt: null,
    dueAt: 0,
    attempt: 0,
    claims: 0,
    isCancelAsked: false,
    functions: [],
    earlier: null,
    prepared: new Map(),
    ...change
  }
  model.builds.push(build)
  return build
}

export function drain(model: Model, id: string | null): void {
  const deployment = model.deployments.find((one) => one.id === id)
  if (deployment?.status === 'live') deployment.status = 'draining'
}

/**
 * May this build's deployments take the traffic? Never after a higher generation, nor over a pause. `gone`: something else took the
 * place of what was to stay.
 */
export function verdictOn(model: Model, build: ModelBuild): 'switched' | 'refused' | 'gone' {
  const generation = build.generation ?? 0
  let isPassedOver = false
  for (const [name, id] of [...build.prepared].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const deployment = model.deployments.find((one) => one.id === id)
    const fn = model.functions.get(name)
    const stays = deployment?.buildId !== build.id
    const isUsable = deployment?.status === 'starting' || deployment?.status === 'live'
    if (!stays && !(isUsable && deployment.generation === generation)) return 'refused'
    const isHeld = build.trigger !== 'rollback' && fn?.isPaused === true
    const isFenced = (fn?.generation ?? 0) > generation
    if (isHeld || (isFenced && fn?.live === null)) isPassedOver = true
    else if (isFenced) return 'refused'
    else if (stays && fn?.live !== id) return 'gone'
  }
  return isPassedOver ? 'refused' : 'switched'
}

/** All of a build's functions take the traffic, and what left the stack takes none. */
export function switchAll(model: Model, build: ModelBuild): void {
  const generation = build.generation ?? 0
  for (const [name, id] of build.prepared) {
    const fn = model.functions.get(name) ?? { live: null, generation: 0, isPaused: false }
    if (fn.live !== id) drain(model, fn.live)
    const isPaused = fn.isPaused || build.trigger === 'rollback'
    model.functions.set(name, { live: id, generation, isPaused })
    for (const deployment of model.deployments) {
      if (deployment.id !== id) continue
      const { commit } = deployment.buildId === build.id ? deployment : build
      Object.assign(deployment, {
        status: 'live',
        buildId: build.id,
        commit,
        generation
      } satisfies Partial<ModelDeployment>)
    }
  }
  if (build.trigger !== 'rollback') prune(model, build, generation)
  endOf(build, 'live')
}

function prune(model: Model, build: ModelBuild, generation: number): void {
  for (const [name, fn] of model.functions) {
    const isLeft = !build.functions.includes(name) && !fn.isPaused && fn.generation <= generation
    if (!isLeft || fn.live === null) continue
    drain(model, fn.live)
    fn.live = null
    fn.generation = generation
  }
}
