import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProcess } from '@slipway/machine'
import type { CertificateFiles, Certificates } from './certificates.ts'

/** Where the programs of a cluster are. */
export interface Programs {
  /** kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, pause. */
  kubernetes: string
  /** etcd, containerd, containerd-shim-runc-v2, ctr. */
  servers: string
  runc: string
  /** Of CNI: bridge, host-local, portmap, firewall, loopback. */
  networkPlugins: string
}

/** @param directory as the bootstrap makes it. */
export function programsIn(directory: string, runc: string): Programs {
  return {
    kubernetes: join(directory, 'bin'),
    servers: join(directory, 'servers', 'usr', 'bin'),
    runc,
    networkPlugins: join(directory, 'servers', 'usr', 'lib', 'cni')
  }
}

/** What all parts of one cluster share. */
export interface Ground {
  programs: Programs
  /** State, certificates and logs. */
  directory: string
  certificates: Certificates
  podSubnet: string
  serviceSubnet: string
  apiUrl: string
}

/** Where containerd looks up, with every pull, what to know of a registry. */
export const registriesOf = (directory: string) => join(directory, 'registries')

export const nodeName = 'slipway-test'

/** Where a cluster's sockets are, and its networks. There is one at a time: names and addresses of this machine are a part of it. */
export const runDirectory = '/run/slipway-kubernetes'
/** Of the network plugins, for the network of this name. */
export const networkName = 'slipway-test'
export const podPrefix = '10.244.'
/** Of the node, on a bridge of its own: nothing of the cluster listens on another. */
export const nodeAddress = `${podPrefix}0.1`

/** The node's own: pods and the API are on it, and nothing else is. Not named as Slipway's own bridges are, whose firewall is another. */
export const bridge = 'k8s-slipway'

export function start(ground: Ground, program: string, args: string[], isReady: () => Promise<boolean>) {
  const name = program.slice(program.lastIndexOf('/') + 1)
  return startProcess({
    program,
    args,
    env: { PATH: `${ground.programs.servers}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: ground.directory },
    logFile: join(ground.directory, 'logs', `${name}.log`),
    isReady,
    readyTimeoutMs: 120_000,
    stopTimeoutMs: 20_000
  })
}

/** Writes what a part of the cluster calls the API with. */
export async function writeKubeconfig(ground: Ground, name: string, files: CertificateFiles): Promise<string> {
  const path = join(ground.directory, `${name}.kubeconfig`)
  await mkdir(ground.directory, { recursive: true })
  await writeFile(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'test', cluster: { server: ground.apiUrl, 'certificate-authority': ground.certificates.authority } }
      ],
      users: [{ name, user: { 'client-certificate': files.certificate, 'client-key': files.key } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test'
    }),
    { mode: 0o600 }
  )
  return path
}

/** What the parts of the cluster are configured with: YAML, of which JSON is a part. */
export async function writeConfiguration(ground: Ground, name: string, value: object): Promise<string> {
  const path = join(ground.directory, `${name}.json`)
  await writeFile(path, JSON.stringify(value, null, 2))
  return path
}
