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
