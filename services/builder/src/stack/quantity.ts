const memoryUnits: Record<string, number> = {
  '': 1,
  b: 1,
  // Docker's and Swarm's lower-case units are powers of 1024, as OpenFaaS on Docker read them.
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  // Kubernetes's.
  K: 1000,
  M: 1000 ** 2,
  G: 1000 ** 3,
  T: 1000 ** 4,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4
}

/** `128Mi`, `128m`, `1G`, `134217728`, … in bytes; null when it is none of these. */
export function parseMemory(text: string): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(?:e(\d{1,2}))?([A-Za-z]{0,2})$/.exec(text)
  const unit = memoryUnits[match?.[3] ?? '']
  if (match === null || unit === undefined) return null
  const bytes = Math.round(Number(match[1]) * 10 ** Number(match[2] ?? 0) * unit)
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** `500m`, `0.5`, `2` in thousandths of a processor; null when it is none of these. */
export function parseCpu(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(m?)$/.exec(text)
  if (match === null) return null
  return Math.round(Number(match[1]) * (match[2] === 'm' ? 1 : 1000))
}

/** For messages: the largest binary unit that fits without a fraction. */
export function formatMemory(bytes: number): string {
  for (const [unit, size] of [
    ['Gi', 1024 ** 3],
    ['Mi', 1024 ** 2],
    ['Ki', 1024]
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return `${bytes} bytes`
}
