/** What stands in examples and defaults, as parts of a secret. None of the letters a to f alone: hexadecimal digits would make them. */
const words = [
  'change',
  'replace',
  'default',
  'example',
  'placeholder',
  'insert',
  'enter',
  'sample',
  'dummy',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'token',
  'webhook',
  'signing',
  'hook',
  'github',
  'gitlab',
  'gitea',
  'openfaas',
  'slipway',
  'admin',
  'administrator',
  'root',
  'user',
  'client',
  'test',
  'testing',
  'demo',
  'local',
  'todo',
  'fixme',
  'here',
  'please',
  'this',
  'that',
  'with',
  'your',
  'my',
  'me',
  'own',
  'the',
  'to',
  'is',
  'key',
  'value',
  'app',
  'api',
  'some',
  'very',
  'super',
  'strong',
  'long',
  'random',
  'string',
  'letmein',
  'qwerty',
  'foo',
  'bar',
  'baz',
  'hunter'
]
const ofWords = new RegExp(`^(?:${words.join('|')})+$`)
const fewest = 6

/**
 * True for a secret that somebody would try: one of few different characters, a run (`0123456789…`), or made of nothing but the words of
 * examples and numbers. What is random is never refused in practice; that something is not refused does not make it random.
 */
export function isGuessable(secret: string): boolean {
  const text = secret.toLowerCase()
  if (new Set(text).size < fewest) return true
  const letters = text.replaceAll(/[^a-z]/g, '')
  if (letters.length > 3 && ofWords.test(letters)) return true
  return isRun(text)
}

/** Most characters follow the one before them, up or down, in the order of their codes. */
function isRun(text: string): boolean {
  const codes = Array.from({ length: text.length }, (_none, i) => text.charCodeAt(i))
  const steps = codes.slice(1).filter((code, i) => Math.abs(code - (codes[i] ?? 0)) === 1)
  return steps.length * 4 > codes.length * 3
}
