import { Failure } from '@slipway/domain'

/**
 * A Dockerfile's `# syntax=` names an image that would read the file, with all rights of the builder: a stranger does not choose it.
 * Docker's own frontends are left out, so that the engine's is used; others are refused.
 *
 * @throws Failure `unsupported`
 */
export function withoutSyntaxDirective(dockerfile: string): { text: string; isRemoved: boolean } {
  const lines = dockerfile.split('\n')
  let isRemoved = false
  for (const [index, line] of lines.entries()) {
    const text = (index === 0 ? line.replace(/^\ufeff/, '') : line).trim()
    if (index === 0 && text.startsWith('#!')) continue
    // Directives stand at the top, before anything else; newer frontends read them in // comments and JSON as well.
    if (/^[{]/.test(text))
      throw new Failure('unsupported', 'Dockerfile: begins with "{": not a Dockerfile that the engine reads')
    const directive = /^(?:#|\/\/)\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*?)$/.exec(text)
    if (directive === null) break
    const [, name = '', value = ''] = directive
    if (name.toLowerCase() !== 'syntax') continue
    if (!/^(?:docker\.io\/)?docker\/dockerfile(?:[:@][\w.:+-]+)?$/.test(value)) {
      throw new Failure(
        'unsupported',
        `Dockerfile: the syntax ${JSON.stringify(value.slice(0, 120))} is not allowed: remove the line, or use docker/dockerfile`
      )
    }
    lines[index] = '#'
    isRemoved = true
  }
  return { text: lines.join('\n'), isRemoved }
}
