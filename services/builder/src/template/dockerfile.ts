/**
 * The Dockerfile of a built-in template for one function: blocks between `# when WORD !WORD …` and `# end`
 * stay where all their words hold, others go, and so do comments.
 */
export function renderDockerfile(text: string, words: ReadonlySet<string>): string {
  const lines: string[] = []
  let isKept = true
  for (const line of text.split('\n')) {
    const when = /^# when (.+)$/.exec(line)
    if (when !== null) {
      isKept = (when[1] ?? '')
        .split(' ')
        .every((word) => (word.startsWith('!') ? !words.has(word.slice(1)) : words.has(word)))
    } else if (line === '# end') {
      isKept = true
    } else if (isKept && line !== '' && !line.startsWith('#')) {
      lines.push(line)
    }
  }
  return `${lines.join('\n')}\n`
}

/** Who runs in the built-in templates, and where their tools look for what they sign in with. */
const user = 'uid=10001,gid=10001'
const places: Record<string, string> = { npmrc: '/home/app/.npmrc', netrc: '/home/app/.netrc' }

/** Every command of a built-in template may read the function's build secrets, in `/run/secrets/<id>` or where its tools look. */
export function withSecretMounts(dockerfile: string, ids: readonly string[]): string {
  const mounts = ids.map((id) => {
    const place = Object.hasOwn(places, id) ? `,target=${places[id]}` : ''
    return `--mount=type=secret,id=${id},${user}${place} `
  })
  return dockerfile.replaceAll(/^RUN /gm, `RUN ${mounts.join('')}`)
}
