/** Labels of everything that this cluster makes. Nothing without the installation's own id is listed or touched. */
export const labels = {
  installation: 'com.slipway.installation',
  deployment: 'com.slipway.deployment',
  owner: 'com.slipway.owner',
  function: 'com.slipway.function',
  clusterName: 'com.slipway.cluster-name',
  replica: 'com.slipway.replica',
  /** `replica`, or `network` for what holds the network of one. */
  role: 'com.slipway.role',
  /** Id of the container whose network the replica has joined; empty when it has one of its own. */
  sandbox: 'com.slipway.sandbox',
  /** The address that the replica is pinned to, also while it is stopped. */
  address: 'com.slipway.address'
} as const

/** What is said of an installation in names: the beginning of its id. */
export function shortInstallation(installation: string): string {
  return installation.replaceAll('-', '').slice(0, 8)
}

/** What Kubernetes, and all that hands labels on to it, takes as the value of one. */
export function isLabelValue(value: string): boolean {
  return value.length <= 63 && /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/.test(value)
}
