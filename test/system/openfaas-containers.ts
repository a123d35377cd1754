import { randomUUID } from 'node:crypto'
import type { FunctionRuntime, RunningReplica } from '@slipway/testing'
import Docker from 'dockerode'

const label = 'com.slipway.installation'

/** Functions of an OpenFaaS server as plain containers of this machine's engine, pulled as its cluster would pull them. */
export function createContainerRuntime(): FunctionRuntime & { close(): Promise<void> } {
  const docker = new Docker()
  const id = `openfaas-${randomUUID()}`

  async function pull(image: string): Promise<void> {
    const progress: NodeJS.ReadableStream = await docker.pull(image)
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (err) => (err === null ? resolve() : reject(err)))
    })
  }

  async function replicaOf(container: Docker.Container, instance: string): Promise<RunningReplica> {
    const { NetworkSettings } = await container.inspect()
    return {
      instance,
      address: { host: NetworkSettings.Networks.bridge?.IPAddress ?? '', port: 8080 },
      async lines() {
        const raw = await container.logs({ stdout: true, stderr: true, timestamps: true, follow: false })
        return linesOf(raw).map((line) => {
          const space = line.indexOf(' ')
          return { at: Date.parse(line.slice(0, space)), text: line.slice(space + 1) }
        })
      },
      async stop() {
        await container.stop({ t: 10 })
        await container.remove({ force: true })
      }
    }
  }

  return {
    async refusalOf(image) {
      try {
        await pull(image)
        return null
      } catch (err) {
        return `unable to pull image ${image}: ${String(err)}`
      }
    },
    async start({ instance, image, environment }) {
      const container = await docker.createContainer({
        Image: image,
        Labels: { [label]: id },
        Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        HostConfig: { NetworkMode: 'bridge', RestartPolicy: { Name: 'always' } }
      })
      await container.start()
      return replicaOf(container, instance)
    },
    async close() {
      const left = await docker.listContainers({ all: true, filters: { label: [`${label}=${id}`] } })
      for (const { Id } of left) await docker.getContainer(Id).remove({ force: true })
    }
  }
}

/** Each piece of both streams has a head of eight bytes, the last four its length. */
function linesOf(raw: Buffer): string[] {
  let text = ''
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4)
    text += raw.toString('utf8', at + 8, at + 8 + length)
    at += 8 + length
  }
  return text.split('\n').filter((line) => line !== '')
}
