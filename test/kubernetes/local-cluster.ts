import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { freePort, waitFor } from '@slipway/machine'
import { createCertificates } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { bridge, type Ground, nodeName, type Programs } from './ground.ts'
import { type KubernetesNode, startNode } from './node.ts'

const run = promisify(execFile)

export interface LocalCluster extends Pick<ControlPlane, 'kubeconfig' | 'restartApi'> {
  nodeName: string
  restartNode: KubernetesNode['restart']
  close(): Promise<void>
}

export interface LocalClusterOptions {
  programs: Programs
  /** For state and logs; made, and removed at the end but for the logs. */
  directory: string
}

/** A real single-node Kubernetes on this machine. Needs root. Everything of it ends with `close`, or with this process. */
export async function startLocalCluster({ programs, directory }: LocalClusterOptions): Promise<LocalCluster> {
  const runDirectory = `/run/slipway-kubernetes-${randomBytes(4).toString('hex')}`
  await mkdir(join(directory, 'logs'), { recursive: true })
  await mkdir(runDirectory, { recursive: true })
  const nodeAddress = '10.244.0.1'
  const ground: Ground = {
    programs,
    directory,
    runDirectory,
    certificates: await createCertificates(directory),
    nodeAddress,
    podSubnet: '10.244.0.0/20',
    serviceSubnet: '10.96.0.0/16',
    apiUrl: `https://${nodeAddress}:${await freePort()}`
  }
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    closers.push(() => rm(runDirectory, { recursive: true, force: true }))
    await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
    closers.push(() => run('ip', ['link', 'delete', bridge]))
    await run('ip', ['address', 'add', `${nodeAddress}/20`, 'dev', bridge])
    await run('ip', ['link', 'set', bridge, 'up'])
    const controlPlane = await startControlPlane(ground)
    closers.push(() => controlPlane.close())
    const node = await startNode(ground)
    closers.push(() => node.close())
    const { kubeconfig, restartApi } = controlPlane
    await waitFor(() => isNodeReady(kubeconfig), { timeoutMs: 60_000, what: 'the node to be ready' })
    closers.push(() => endPods(kubeconfig))
    return { kubeconfig, restartApi, restartNode: node.restart, nodeName, close }
  } catch (err) {
    await close()
    throw err
  }
}

/** While there is who takes their networks away: rules of the host's firewall are a part of these. */
async function endPods(kubeconfig: string): Promise<void> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const apps = config.makeApiClient(AppsV1Api)
  const core = config.makeApiClient(CoreV1Api)
  const pods = async () => (await core.listPodForAllNamespaces()).items
  const namespaces = new Set((await pods()).flatMap(({ metadata }) => metadata?.namespace ?? []))
  for (const namespace of namespaces) await apps.deleteCollectionNamespacedDeployment({ namespace })
  const areGone = async () => {
    for (const namespace of namespaces) await core.deleteCollectionNamespacedPod({ namespace, gracePeriodSeconds: 0 })
    return (await pods()).length === 0
  }
  await waitFor(areGone, { timeoutMs: 60_000, everyMs: 500, what: 'the pods to end' })
}

async function isNodeReady(kubeconfig: string): Promise<boolean> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  try {
    const node = await config.makeApiClient(CoreV1Api).readNode({ name: nodeName })
    return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
  } catch {
    return false // it has not come yet
  }
}
