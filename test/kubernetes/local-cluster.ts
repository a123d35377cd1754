import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { freePort, waitFor } from '@slipway/machine'
import { lockDirectory } from '@slipway/service/directory-lock'
import { createCertificates } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import {
  bridge,
  type Ground,
  nodeAddress,
  nodeName,
  type Programs,
  podPrefix,
  registriesOf,
  runDirectory
} from './ground.ts'
import { clearHost } from './host.ts'
import { startNames } from './names.ts'
import { type KubernetesNode, startNode } from './node.ts'

const run = promisify(execFile)
/** Where the state of the cluster is that runs. */
const note = join(runDirectory, 'directory')

export interface LocalCluster extends Pick<ControlPlane, 'kubeconfig' | 'restartApi'> {
  nodeName: string
  restartNode: KubernetesNode['restart']
  importImages: KubernetesNode['importImages']
  /** Has the node pull from a registry by https that this authority's certificate vouches for. */
  trustRegistry(host: string, authorityFile: string): Promise<void>
  close(): Promise<void>
}

export interface LocalClusterOptions {
  programs: Programs
  /** For state and logs; made, and removed at the end but for the logs. */
  directory: string
}

/** A real single-node Kubernetes on this machine. Needs root. Everything of it ends with `close`, or with this process. */
export async function startLocalCluster({ programs, directory }: LocalClusterOptions): Promise<LocalCluster> {
  await using opened = new AsyncDisposableStack()
  const lock = await lockDirectory(runDirectory)
  opened.defer(async () => {
    await lock.release()
    await rmdir(runDirectory).catch(() => undefined) // somebody has begun meanwhile
  })
  await clearFormer()
  await writeFile(note, directory)
  opened.defer(async () => {
    await clearHost([directory, runDirectory])
    for (const left of await readdir(runDirectory)) {
      if (!left.startsWith('lock')) await rm(join(runDirectory, left), { recursive: true })
    }
  })
  await mkdir(join(directory, 'logs'), { recursive: true })
  const ground: Ground = {
    programs,
    directory,
    certificates: await createCertificates(directory),
    podSubnet: `${podPrefix}0.0/20`,
    serviceSubnet: '10.96.0.0/16',
    apiUrl: `https://${nodeAddress}:${await freePort()}`
  }
  await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await run('ip', ['address', 'add', `${nodeAddress}/20`, 'dev', bridge])
  await run('ip', ['link', 'set', bridge, 'up'])
  // Where no rule of kube-proxy is (yet), the default route would carry a call for a Service out of this machine, and a
  // stranger may answer it: a client that keeps such a connection never sees the Service, however long the rules are there.
  await run('ip', ['route', 'add', ground.serviceSubnet, 'dev', bridge])
  const controlPlane = await startControlPlane(ground)
  opened.defer(() => controlPlane.close())
  const names = await startNames(controlPlane.kubeconfig)
  opened.defer(() => names.close())
  const { restart: restartNode, importImages, close } = await startNode(ground)
  opened.defer(close)
  const { kubeconfig, restartApi } = controlPlane
  await waitFor(() => isNodeReady(kubeconfig), { timeoutMs: 60_000, what: 'the node to be ready' })
  opened.defer(() => endPods(kubeconfig))
  const kept = opened.move()
  return {
    kubeconfig,
    restartApi,
    restartNode,
    importImages,
    async trustRegistry(host, authorityFile) {
      const own = join(registriesOf(directory), host)
      await mkdir(own, { recursive: true })
      await writeFile(join(own, 'hosts.toml'), `[host."https://${host}"]\nca = "${authorityFile}"\n`)
    },
    nodeName,
    close: () => kept.disposeAsync()
  }
}

/** What a cluster left whose tests were killed. */
async function clearFormer(): Promise<void> {
  const former = await readFile(note, 'utf8').catch(() => null)
  if (former === null) return
  await clearHost([former, runDirectory])
  await rm(former, { recursive: true, force: true })
  await rm(join(runDirectory, 'containerd'), { recursive: true, force: true })
}

/** While there is who takes their networks away: rules of the host's firewall are a part of these. */
async function endPods(kubeconfig: string): Promise<void> {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const apps = config.makeApiClient(AppsV1Api)
  const core = config.makeApiClient(CoreV1Api)
  const pods = async () => (await core.listPodForAllNamespaces()).items
  const namespaces = new Set((await pods()).flatMap(({ metadata }) => metadata?.namespace ?? []))
  for (const namespace of namespaces) {
    await apps.deleteCollectionNamespacedDeployment({ namespace })
    await apps.deleteCollectionNamespacedStatefulSet({ namespace })
  }
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
