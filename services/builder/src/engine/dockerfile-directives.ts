import { Failure } from '@slipway/domain'

/**
 * A `# syntax=` line makes BuildKit fetch a program from a registry and run it instead of its own Dockerfile reader, outside of
 * any limit of the build. Different versions of BuildKit look for it in different ways (behind a byte order mark, a `#!` line,
 * other directives, as `//` comment or as JSON): whatever any of them would follow is refused.
 *
 * @throws Failure `unsupported` naming the line
 */
export function refuseForeignFrontend(dockerfile: string, path: string): void {
  const lines = dockerfile.replace(/^\uFEFF/, '').split(/\r\n|[\n\r\u2028\u2029]/)
  for (const [index, line] of lines.entries()) {
    const text = line.trim()
    if (text.startsWith('{')) throw refusal(path, index, 'a JSON document is not a Dockerfile')
    if (text !== '' && !text.startsWith('#') && !text.startsWith('//')) return
    if (/^(?:#|\/\/)\W*syntax\s*=/i.test(text)) {
      throw refusal(path, index, `"${text.slice(0, 80)}" would run a program from a registry: remove the line`)
    }
  }
}

function refusal(path: string, index: number, what: string): Failure {
  return new Failure('unsupported', `${path}:${index + 1}: ${what}`, {
    location: { path, line: index + 1, column: 1 }
  })
}

/** @throws Failure `unsupported` for an argument that steers the engine rather than the Dockerfile */
export function refuseEngineArguments(buildArgs: Record<string, string>): void {
  const name = Object.keys(buildArgs).find((each) => /^BUILDKIT_/i.test(each.trim()))
  if (name !== undefined) {
    throw new Failure('unsupported', `the build argument ${name} is not allowed: it changes how the engine builds`)
  }
}
