const steps = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `0 B`, `12 KiB`, `3.4 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  let rest = bytes / 1024
  let unit: string = steps[0]
  for (const next of steps.slice(1)) {
    if (rest < 1023.5) break
    rest /= 1024
    unit = next
  }
  return `${rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${unit}`
}
