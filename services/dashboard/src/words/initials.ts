/** One or two letters that stand for a name: of `acme-labs` AL, of `alice` A. */
export function initialsOf(name: string): string {
  const [first = '?', second = ''] = name.split(/[^\p{L}\p{N}]+/u).filter((part) => part !== '')
  return `${firstOf(first)}${firstOf(second)}`.toUpperCase()
}

const firstOf = (text: string): string => String.fromCodePoint(...[text.codePointAt(0) ?? []].flat())

/** An angle on the wheel of colours, the same for a name everywhere. Steps are wide enough to be told apart. */
export function hueOf(name: string): number {
  let hash = 7
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 9973
  return (hash % 18) * 20
}
