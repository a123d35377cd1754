import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, type RunningProcess, waitFor } from '@slipway/machine'
import {
  bridge,
  type Ground,
  networkName,
  nodeAddress,
  nodeName,
  registriesOf,
  runDirectory,
  start,
  writeConfiguration,
  writeKubeconfig
} from './ground.ts'
import { clusterDomain } from './names.ts'
import { writePauseImage } from './pause-image.ts'

const run = promisify(execFile)
const pauseImage = 'localhost/slipway-pause:1'
const stateDirectory = join(runDirectory, 'containerd')

export interface KubernetesNode {
  /** Ends what starts containers and starts it again, as a reboot of the node's services does. */
  restart(): Promise<void>
  /** Gives the images of an archive (`docker save`) to the node: its pods need no registry for them. */
  importImages(file: string): Promise<void>
  close(): Promise<void>
}

/** containerd, kubelet and kube-proxy: where the pods of the cluster run. */
export async function startNode(ground: Ground): Promise<KubernetesNode> {
  const socket = join(runDirectory, 'containerd.sock')
  const containerd = await containerdStarter(ground, socket)
  const kubelet = await kubeletStarter(ground, socket)
  const started: RunningProcess[] = []
  const stop = async () => {
    for (const process of started.splice(0).toReversed()) await process.stop()
  }
  const launch = async () => {
    started.push(await containerd())
    started.push(await kubelet())
  }
  const ctr = (...args: string[]) =>
    run(join(ground.programs.servers, 'ctr'), ['--address', socket, '--namespace', 'k8s.io', ...args])
  const importImages = async (file: string) => {
    await ctr('images', 'import', file)
  }
  try {
    await launch()
    await importImages(join(ground.directory, 'pause.tar'))
    const proxy = await startProxy(ground)
    return {
      async restart() {
        await stop()
        await launch()
      },
      importImages,
      async close() {
        // What was told to end has as long as it was given then, which may be minutes, although nobody asks for it any more.
        for (const task of (await ctr('tasks', 'list', '--quiet')).stdout.split('\n').filter((id) => id !== '')) {
          await ctr('tasks', 'kill', '--signal', 'SIGKILL', task).catch(() => undefined) // it has ended by itself
        }
        // The API forgets a pod before the node has taken its network away.
        await waitFor(hasNoNetworks, { timeoutMs: 60_000, everyMs: 100, what: "the pods' networks to go" }).finally(
          async () => {
            await proxy.stop()
            // Its rules outlive it otherwise, and lead addresses of the next cluster astray.
            await run(join(ground.programs.kubernetes, 'kube-proxy'), ['--cleanup'])
            await stop()
          }
        )
      }
    }
  } catch (err) {
    await stop()
    throw err
  }
}

async function containerdStarter(ground: Ground, socket: string) {
  const { directory, programs } = ground
  const networks = join(directory, 'networks')
  await mkdir(networks, { recursive: true })
  await writeFile(join(networks, '10-bridge.conflist'), JSON.stringify(network(ground), null, 2))
  await writePauseImage(join(programs.kubernetes, 'pause'), pauseImage, join(directory, 'pause.tar'))
  const file = join(directory, 'containerd.toml')
  const cri = `[plugins."io.containerd.grpc.v1.cri"`
  await writeFile(
    file,
    `version = 2
root = "${join(directory, 'containerd')}"
state = "${stateDirectory}"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
address = "${socket}"
${cri}]
sandbox_image = "${pauseImage}"
# In a container or a small machine even root may not lower it.
restrict_oom_score_adj = true
# Not among the machine's own.
netns_mounts_under_state_dir = true
${cri}.registry]
config_path = "${registriesOf(directory)}"
${cri}.cni]
bin_dir = "${programs.networkPlugins}"
conf_dir = "${networks}"
${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
${cri}.containerd.runtimes.runc.options]
BinaryName = "${programs.runc}"
SystemdCgroup = false
`
  )
  return () =>
    start(ground, join(programs.servers, 'containerd'), ['--config', file], () =>
      run(join(programs.servers, 'ctr'), ['--address', socket, 'version']).then(
        () => true,
        () => false
      )
    )
}

/** Accept rules for the pods are the firewall plugin's: an engine beside may have set FORWARD to DROP. */
function network({ directory, podSubnet }: Ground) {
  return {
    cniVersion: '1.0.0',
    name: networkName,
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(directory, 'addresses'),
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }]
        }
      },
      { type: 'portmap', capabilities: { portMappings: true } },
      { type: 'firewall' }
    ]
  }
}

async function kubeletStarter(ground: Ground, socket: string) {
  const { certificates, directory, programs } = ground
  const kubeconfig = await writeKubeconfig(
    ground,
    'kubelet',
    await certificates.issue('kubelet', { user: `system:node:${nodeName}`, groups: ['system:nodes'] })
  )
  const serving = await certificates.issue('kubelet-server', { user: nodeName, addresses: [nodeAddress] })
  const healthPort = await freePort()
  const config = await writeConfiguration(ground, 'kubelet', {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeAddress,
    port: await freePort(),
    healthzBindAddress: '127.0.0.1',
    healthzPort: healthPort,
    tlsCertFile: serving.certificate,
    tlsPrivateKeyFile: serving.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: certificates.authority }
    },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: '/',
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    enforceNodeAllocatable: [],
    // File-system statistics do not work on every disk, and a test cluster is not there to make room on one.
    localStorageCapacityIsolation: false,
    evictionHard: {},
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    resolvConf: '/etc/resolv.conf',
    clusterDNS: [nodeAddress],
    clusterDomain,
    maxPods: 250,
    registryPullQPS: 0,
    syncFrequency: '10s',
    nodeStatusUpdateFrequency: '3s',
    shutdownGracePeriod: '0s',
    // The machine's own traffic to its loopback addresses is nobody's business here.
    makeIPTablesUtilChains: false
  })
  return () =>
    start(
      ground,
      join(programs.kubernetes, 'kubelet'),
      [
        `--config=${config}`,
        `--kubeconfig=${kubeconfig}`,
        `--hostname-override=${nodeName}`,
        `--node-ip=${nodeAddress}`,
        `--root-dir=${join(directory, 'kubelet')}`,
        `--cert-dir=${join(directory, 'kubelet-certificates')}`
      ],
      () =>
        fetch(`http://127.0.0.1:${healthPort}/healthz`).then(
          (answer) => answer.ok,
          () => false
        )
    )
}

async function startProxy(ground: Ground): Promise<RunningProcess> {
  const kubeconfig = await writeKubeconfig(
    ground,
    'kube-proxy',
    await ground.certificates.issue('kube-proxy', { user: 'system:kube-proxy' })
  )
  const healthPort = await freePort()
  const config = await writeConfiguration(ground, 'kube-proxy', {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    // Others write rules on this machine, too: what they kept from being written is written again soon.
    iptables: { localhostNodePorts: false, minSyncPeriod: '500ms', syncPeriod: '5s' },
    clientConnection: { kubeconfig },
    clusterCIDR: ground.podSubnet,
    hostnameOverride: nodeName,
    bindAddress: nodeAddress,
    healthzBindAddress: `127.0.0.1:${healthPort}`,
    metricsBindAddress: `127.0.0.1:${await freePort()}`,
    // The machine's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: '0s', tcpEstablishedTimeout: '0s' }
  })
  return start(ground, join(ground.programs.kubernetes, 'kube-proxy'), [`--config=${config}`], () =>
    fetch(`http://127.0.0.1:${healthPort}/livez`).then(
      (answer) => answer.ok,
      () => false
    )
  )
}

async function hasNoNetworks(): Promise<boolean> {
  const names = await readdir(join(stateDirectory, 'io.containerd.grpc.v1.cri', 'netns')).catch(() => [])
  return names.length === 0
}
