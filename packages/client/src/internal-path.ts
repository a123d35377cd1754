/** A path of the internal API with its parameters. */
export function fillPath(path: string, values: Record<string, string>): string {
  return path.replaceAll(/:([a-z]+)/g, (_all, name: string) => encodeURIComponent(values[name] ?? ''))
}
