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
    const text = line.replace(/^\ufeff/, '').trim()
    // Directives stand above all instructions; frontends differ in what else may stand between them.
    if (text !== '' && !text.startsWith('#') && !text.startsWith('//')) break
    const directive = /^(?:#|\/\/)\W*syntax\s*=\s*(.*)$/i.exec(text)
    if (directive === null) continue
    const value = directive[1] ?? ''
    if (!/^(?:docker\.io\/)?docker\/dockerfile(?:[:@][\w.:+-]+)?$/.test(value)) {
      throw new Failure(
        'unsupported',
        `Dockerfile:${index + 1}:1: the syntax ${JSON.stringify(value.slice(0, 120))} would run a program from a registry: remove the line`
      )
    }
    lines[index] = '#'
    isRemoved = true
  }
  return { text: lines.join('\n'), isRemoved }
}
