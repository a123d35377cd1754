export interface Substitution {
  text: string
  /** Variables that were asked for, are not set and have no default: they became empty. */
  missing: string[]
  /** What is wrong with the first expression that cannot be read. */
  problem: string | null
}

/**
 * `${NAME}` and `${NAME:-default}`, once: what a variable holds is not looked at again. `$${` stands for a plain `${`,
 * as in the tools that read stack files elsewhere; a `$` before anything else is itself.
 */
export function substitute(text: string, variables: Readonly<Record<string, string>>): Substitution {
  const missing: string[] = []
  let problem: string | null = null
  const result = text.replaceAll(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, expression: string | undefined, end: string) => {
    if (expression === undefined) return '${'
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/.exec(expression)
    if (match === null || end === '' || expression.includes('${')) {
      problem ??= `"${whole.slice(0, 60)}" is not \${NAME} or \${NAME:-default}; write "$\${" for a plain "\${"`
      return ''
    }
    const [, name = '', fallback] = match
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined
    if (value !== undefined && (value !== '' || fallback === undefined)) return value
    if (fallback === undefined) missing.push(name)
    return fallback ?? ''
  })
  return { text: result, missing, problem }
}
