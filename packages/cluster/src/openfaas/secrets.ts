import { type Deployment, Failure } from '@slipway/domain'
import Type from 'typebox'
import Value from 'typebox/value'
import { labels } from '../labels.ts'
import { type FunctionStatus, parsed } from './client.ts'
import type { OpenFaasGateway } from './gateway.ts'

/** On a function: which set each of its files comes from. */
const annotation = 'com.slipway.secrets'
const SetsByFile = Type.Record(Type.String(), Type.String())

export interface SecretFilesDeps {
  gateway: OpenFaasGateway
  installation: string
  /** Each owner's functions have a namespace of their own. */
  isByOwner: boolean
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
}

/**
 * A secret of OpenFaaS is one file of its own name, for all functions of a namespace that list it. So secrets are had
 * where each owner has a namespace, and there one name of a file is of one set.
 */
export interface SecretFiles {
  /**
   * Sets what a deployment has. Its other versions see the change, too.
   *
   * @returns what its function is to list, and be annotated with
   * @throws Failure `unsupported` saying what cannot be had
   */
  put(
    deployment: Deployment,
    namespace: string | null,
    signal: AbortSignal
  ): Promise<{ names: string[]; annotations: Record<string, string> }>
  /** Removes what a function had that is gone now, and no other has. */
  release(gone: FunctionStatus, namespace: string | null, signal: AbortSignal): Promise<void>
}

export function createSecretFiles({ gateway, installation, isByOwner, filesOf }: SecretFilesDeps): SecretFiles {
  async function filesBySet(deployment: Deployment): Promise<Map<string, { set: string; content: Uint8Array }>> {
    const files = new Map<string, { set: string; content: Uint8Array }>()
    for (const pin of deployment.secrets) {
      const of = await filesOf({ ...deployment, secrets: [pin] })
      for (const [name, content] of of) files.set(name, { set: pin.name, content })
    }
    return files
  }

  return {
    async put(deployment, namespace, signal): ReturnType<SecretFiles['put']> {
      if (deployment.secrets.length === 0) return { names: [], annotations: {} }
      if (!isByOwner) {
        throw new Failure(
          'unsupported',
          `${deployment.clusterName} has secrets, and in one namespace of OpenFaaS for all owners one would read the other's: it needs OPENFAAS_NAMESPACES=owner, and a gateway that has namespaces`
        )
      }
      const files = await filesBySet(deployment)
      const odd = [...files.keys()].find((name) => !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name))
      if (odd !== undefined) {
        throw new Failure(
          'unsupported',
          `${JSON.stringify(odd)} cannot be the name of a secret of OpenFaaS, which its file has: lower-case letters, digits, "-" and "."`
        )
      }
      for (const other of await gateway.list(namespace, signal)) {
        const taken = Object.entries(setsOf(other)).find(([name, set]) => (files.get(name)?.set ?? set) !== set)
        if (taken === undefined || other.labels?.[labels.clusterName] === deployment.clusterName) continue
        throw new Failure(
          'unsupported',
          `the file ${taken[0]} of ${other.labels?.[labels.clusterName] ?? other.name} is of the set "${taken[1]}", and here it would be of another: on OpenFaaS one name of a file is one secret for all functions of an owner`
        )
      }
      for (const [name, { content }] of files) await gateway.putSecret(namespace, name, content, signal)
      const sets = Object.fromEntries([...files].map(([name, { set }]) => [name, set]))
      return { names: [...files.keys()], annotations: { [annotation]: JSON.stringify(sets) } }
    },
    async release(gone, namespace, signal) {
      const names = Object.keys(setsOf(gone))
      if (names.length === 0 || gone.labels?.[labels.installation] !== installation) return
      const others = (await gateway.list(namespace, signal)).filter(({ name }) => name !== gone.name)
      const used = new Set(others.flatMap((other) => [...Object.keys(setsOf(other)), ...(other.secrets ?? [])]))
      for (const name of names) if (!used.has(name)) await gateway.removeSecret(namespace, name, signal)
    }
  }
}

function setsOf({ annotations }: FunctionStatus): Record<string, string> {
  const value = parsed(annotations?.[annotation] ?? '{}')
  return Value.Check(SetsByFile, value) ? value : {}
}
