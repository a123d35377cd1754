export interface RegistryCredential {
  username: string
  password: string
}

/** By the registry's host and port as it stands in names of images: `registry.example.com`, `127.0.0.1:5000`, `docker.io`. */
export type RegistryAuth = Readonly<Record<string, RegistryCredential>>

const dockerHubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'https://index.docker.io/v1/'])

export function credentialOf(auth: RegistryAuth, host: string): RegistryCredential | null {
  return auth[host] ?? (dockerHubNames.has(host) ? (auth['docker.io'] ?? null) : null)
}

/** The parts of an image's name. A first part without `.`, `:` that is not `localhost` is no host: the image is Docker Hub's. */
export function parseReference(reference: string): {
  host: string
  path: string
  tag: string | null
  digest: string | null
} {
  const [name = '', digest = null] = reference.split('@')
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const hasHost = /[.:]/.test(first) || first === 'localhost'
  const rest = hasHost ? name.slice(slash + 1) : name
  const colon = rest.lastIndexOf(':')
  const bare = colon === -1 ? rest : rest.slice(0, colon)
  const tag = colon === -1 ? null : rest.slice(colon + 1)
  if (hasHost) return { host: first, path: bare, tag, digest }
  return { host: 'docker.io', path: bare.includes('/') ? bare : `library/${bare}`, tag, digest }
}

/** Engines and registries speak plain HTTP to each other on the loopback interface only. */
export function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d+)?$/.test(host)
}
