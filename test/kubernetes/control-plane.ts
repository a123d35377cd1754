import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { ask, freePort, type RunningProcess } from '@slipway/machine'
import { type Ground, nodeAddress, start, writeKubeconfig } from './ground.ts'

export interface ControlPlane {
  /** Of an administrator. */
  kubeconfig: string
  /** Ends the API server and starts it again. */
  restartApi(): Promise<void>
  close(): Promise<void>
}

/** etcd, the API server, the controllers and the scheduler. */
export async function startControlPlane(ground: Ground): Promise<ControlPlane> {
  const started: RunningProcess[] = []
  const close = async () => {
    for (const process of started.toReversed()) await process.stop()
  }
  try {
    const etcdUrl = await startEtcd(ground, started)
    const keys = await writeServiceAccountKeys(ground)
    const startApi = await apiServer(ground, etcdUrl, keys)
    let api = await startApi()
    started.push({ ...api, stop: () => api.stop() })
    const leader = ['--leader-elect=false', '--bind-address=127.0.0.1']
    const controllers = await kubeconfigOf(ground, 'kube-controller-manager')
    started.push(
      await start(
        ground,
        join(ground.programs.kubernetes, 'kube-controller-manager'),
        [
          ...leader,
          `--kubeconfig=${controllers}`,
          '--use-service-account-credentials=true',
          `--service-account-private-key-file=${keys.private}`,
          `--root-ca-file=${ground.certificates.authority}`,
          `--cluster-cidr=${ground.podSubnet}`,
          '--secure-port=0',
          // A node that is started anew is known to be away within seconds, not after the usual 40.
          '--node-monitor-period=2s',
          '--node-monitor-grace-period=12s'
        ],
        async () => true
      )
    )
    const scheduler = await kubeconfigOf(ground, 'kube-scheduler')
    started.push(
      await start(
        ground,
        join(ground.programs.kubernetes, 'kube-scheduler'),
        [...leader, `--kubeconfig=${scheduler}`, '--secure-port=0'],
        async () => true
      )
    )
    return {
      kubeconfig: await writeKubeconfig(
        ground,
        'administrator',
        await ground.certificates.issue('administrator', { user: 'administrator', groups: ['system:masters'] })
      ),
      async restartApi() {
        await api.stop()
        api = await startApi()
      },
      close
    }
  } catch (err) {
    await close()
    throw err
  }
}

async function kubeconfigOf(ground: Ground, name: string): Promise<string> {
  return writeKubeconfig(ground, name, await ground.certificates.issue(name, { user: `system:${name}` }))
}

async function startEtcd(ground: Ground, started: RunningProcess[]): Promise<string> {
  const [clients, peers] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${clients}`
  const peerUrl = `http://127.0.0.1:${peers}`
  started.push(
    await start(
      ground,
      join(ground.programs.servers, 'etcd'),
      [
        '--name=test',
        `--data-dir=${join(ground.directory, 'etcd')}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=test=${peerUrl}`,
        // What a test cluster stores may be lost with the machine.
        '--unsafe-no-fsync'
      ],
      async () => (await ask(`${url}/health`).catch(() => null))?.status === 200
    )
  )
  return url
}

async function writeServiceAccountKeys(ground: Ground): Promise<{ private: string; public: string }> {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  const path = join(ground.directory, 'service-accounts')
  await writeFile(`${path}.key`, pair.privateKey, { mode: 0o600 })
  await writeFile(`${path}.pub`, pair.publicKey)
  return { private: `${path}.key`, public: `${path}.pub` }
}

async function apiServer(ground: Ground, etcdUrl: string, keys: { private: string; public: string }) {
  const { certificates, serviceSubnet } = ground
  const { port } = new URL(ground.apiUrl)
  const serving = await certificates.issue('kube-apiserver', {
    user: 'kube-apiserver',
    addresses: [
      '127.0.0.1',
      nodeAddress,
      serviceSubnet.replace(/\.\d+\/\d+$/, '.1'),
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc'
    ]
  })
  const kubelet = await certificates.issue('kubelet-client', { user: 'kube-apiserver', groups: ['system:masters'] })
  const authority = await readFile(certificates.authority)
  return () =>
    start(
      ground,
      join(ground.programs.kubernetes, 'kube-apiserver'),
      [
        `--etcd-servers=${etcdUrl}`,
        `--bind-address=${nodeAddress}`,
        `--advertise-address=${nodeAddress}`,
        `--secure-port=${port}`,
        `--tls-cert-file=${serving.certificate}`,
        `--tls-private-key-file=${serving.key}`,
        `--client-ca-file=${certificates.authority}`,
        `--kubelet-client-certificate=${kubelet.certificate}`,
        `--kubelet-client-key=${kubelet.key}`,
        '--kubelet-preferred-address-types=InternalIP',
        `--service-cluster-ip-range=${serviceSubnet}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-signing-key-file=${keys.private}`,
        `--service-account-key-file=${keys.public}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        // As kubeadm and its like have it.
        '--allow-privileged=true',
        '--anonymous-auth=true'
      ],
      () => isHealthy(`${ground.apiUrl}/readyz`, authority)
    )
}

function isHealthy(url: string, ca: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, { ca, timeout: 2000 }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
