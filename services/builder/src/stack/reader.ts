import { type SourceLocation, type StackWarning, suggestion } from '@slipway/domain'
import { isAlias, isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap } from 'yaml'
import type { YamlDocument } from './document.ts'
import { failureAt, type Located, quote } from './location.ts'
import { substitute } from './substitution.ts'

/** One value of the file, with its full name for messages (`functions.hello.limits`). `node` null: nothing was written. */
export interface Field {
  name: string
  /** Where the key is written; for the items of a list, where the item is. */
  at: SourceLocation
  node: Node | null
}

/** Reads fields as the shape that the caller expects, and fails with line, column and what was expected. */
export interface Reader {
  /** The fields of a map that has only these. Those in `dropped` are known but not used: each is a warning with the reason. */
  fields(field: Field, known: readonly string[], dropped?: Readonly<Record<string, string>>): Map<string, Field>
  /** The entries of a map with free keys, in order, merge keys applied. */
  entries(field: Field): { key: string; field: Field }[]
  list(field: Field): Field[]
  /** One line of text, as written, after substitution. Nothing written is ''. */
  text(field: Field): string
  /** As `text`, line feeds allowed. */
  longText(field: Field): string
  boolean(field: Field): boolean
  located(field: Field): Located<string>
  warn(at: SourceLocation, message: string): void
  /** Reads something under other variables; what may be read in all is counted together. */
  under<T>(variables: Readonly<Record<string, string>>, read: () => T): T
}

/** Values that may be read in all: merge keys and aliases can repeat what a small file holds many times over. */
const readLimit = 50_000
const textLimitBytes = 4 * 1024 * 1024
const mergeDepthLimit = 8
const warningLimit = 100
const plainTags = new Set(['tag:yaml.org,2002:str', 'tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq', '!'])

export function createReader(
  document: YamlDocument,
  variables: Readonly<Record<string, string>>,
  warnings: StackWarning[]
): Reader {
  let current = variables
  let reads = 0
  let textBytes = 0

  function warn(at: SourceLocation, message: string) {
    if (warnings.length === warningLimit) warnings.push({ ...at, message: 'more warnings follow, which are not shown' })
    else if (warnings.length < warningLimit) warnings.push({ ...at, message })
  }

  function count(at: SourceLocation) {
    reads++
    if (reads > readLimit)
      throw failureAt('invalid-stack', at, `more than ${readLimit} values, aliases and merged maps counted each time`)
  }

  /** The node that is meant, without alias; null when nothing was written. */
  function resolve(field: Field): Node | null {
    let { node } = field
    if (isAlias(node)) {
      const target = document.targetOf(node)
      if (target === undefined) {
        throw failureAt(
          'invalid-stack',
          document.locate(node),
          `${field.name}: no anchor &${node.source} comes before this alias`
        )
      }
      node = target
    }
    if (node === null) return null
    const tag = node.tag
    if (tag !== undefined && !plainTags.has(tag)) {
      throw failureAt(
        'invalid-stack',
        document.locate(node),
        `${field.name}: the tag ${quote(tag)} is not read: write the value without a tag`
      )
    }
    if (isScalar(node) && node.type === Scalar.PLAIN && /^(?:|~|null|Null|NULL)$/.test(sourceOf(node))) return null
    return node
  }

  function textOf(field: Field, forbidden: RegExp): string {
    count(field.at)
    const node = resolve(field)
    if (node === null) return ''
    if (!isScalar(node)) throw wrongShape(field, node, 'text')
    return expand(sourceOf(node), field.name, document.locate(field.node ?? node), forbidden)
  }

  function expand(source: string, name: string, at: SourceLocation, forbidden: RegExp): string {
    const { text, missing, problem } = substitute(source, current)
    if (problem !== null) throw failureAt('invalid-stack', at, `${name}: ${problem}`)
    for (const variable of missing) {
      warn(
        at,
        `${name}: the build variable ${variable} is not set and has no default, so it is empty here; \${${variable}:-…} gives one`
      )
    }
    textBytes += text.length
    if (textBytes > textLimitBytes)
      throw failureAt('limit-exceeded', at, `more than ${textLimitBytes / 1024 / 1024} MiB of text after substitution`)
    if (forbidden.test(text) || !text.isWellFormed()) {
      throw failureAt('invalid-stack', at, `${name}: ${quote(text)} holds a control character`)
    }
    return text
  }

  function wrongShape(field: Field, node: Node, expected: string) {
    const found = isMap(node)
      ? 'a map'
      : isSeq(node)
        ? 'a list'
        : `the text ${quote(isScalar(node) ? sourceOf(node) : '')}`
    return failureAt(
      'invalid-stack',
      document.locate(field.node ?? node),
      `${field.name}: expected ${expected}, found ${found}`
    )
  }

  function collect(field: Field, depth: number): Map<string, Field> {
    const node = resolve(field)
    if (node === null) return new Map()
    if (!isMap(node)) throw wrongShape(field, node, 'a map')
    const own = new Map<string, Field>()
    const merged = new Map<string, Field>()
    for (const pair of (node as YAMLMap<Node, Node | null>).items) {
      const at = document.locate(pair.key)
      count(at)
      if (!isScalar(pair.key)) throw failureAt('invalid-stack', at, `${field.name}: keys are text`)
      if (pair.key.type === Scalar.PLAIN && pair.key.source === '<<') {
        merge({ name: field.name, at, node: pair.value }, merged, depth)
        continue
      }
      const key = expand(sourceOf(pair.key), field.name, at, controlCharacters)
      if (own.has(key)) throw failureAt('invalid-stack', at, `${field.name}: ${quote(key)} is here twice`)
      own.set(key, { name: field.name === '' ? key : `${field.name}.${key}`.slice(0, 200), at, node: pair.value })
    }
    for (const [key, value] of merged) if (!own.has(key)) own.set(key, value)
    return own
  }

  /** `<<`: a map, or a list of maps of which the first that has a key gives it. */
  function merge(field: Field, into: Map<string, Field>, depth: number) {
    if (depth >= mergeDepthLimit)
      throw failureAt('invalid-stack', field.at, `${field.name}: merge keys go round or are too deep`)
    const node = resolve(field)
    const sources = isSeq(node) ? (node.items as Node[]) : [field.node]
    for (const source of sources) {
      count(field.at)
      for (const [key, value] of collect({ ...field, node: source }, depth + 1))
        if (!into.has(key)) into.set(key, value)
    }
  }

  return {
    warn,
    under(others, read) {
      const before = current
      current = others
      try {
        return read()
      } finally {
        current = before
      }
    },
    fields(field, known, dropped = {}) {
      const found = collect(field, 0)
      for (const [key, { at, name }] of found) {
        if (known.includes(key)) continue
        // Compose's convention for a place to keep anchors.
        if (field.name === '' && key.startsWith('x-')) continue
        const reason = Object.hasOwn(dropped, key) ? dropped[key] : undefined
        if (reason === undefined) {
          const where = field.name === '' ? '' : ` in ${field.name}`
          throw failureAt(
            'invalid-stack',
            at,
            `unknown field ${quote(key)}${where}${suggestion(key, known)}; expected one of ${known.join(', ')}`
          )
        }
        warn(at, `${name} is not used: ${reason}`)
        found.delete(key)
      }
      return found
    },
    entries: (field) => [...collect(field, 0)].map(([key, value]) => ({ key, field: value })),
    list(field) {
      const node = resolve(field)
      if (node === null) return []
      if (!isSeq(node)) throw wrongShape(field, node, 'a list')
      return (node.items as Node[]).map((item, index) => {
        const at = document.locate(item)
        count(at)
        return { name: `${field.name}[${index}]`, at, node: item }
      })
    },
    text: (field) => textOf(field, controlCharacters),
    longText: (field) => textOf(field, nul),
    boolean(field) {
      const text = textOf(field, controlCharacters)
      if (/^(?:true|yes|on)$/i.test(text)) return true
      if (/^(?:|false|no|off)$/i.test(text)) return false
      throw failureAt('invalid-stack', field.at, `${field.name}: expected true or false, found ${quote(text)}`)
    },
    located: (field) => ({
      value: textOf(field, controlCharacters),
      at: field.node === null ? field.at : document.locate(field.node)
    })
  }
}

// oxlint-disable-next-line no-control-regex -- finding them is the point
export const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
// oxlint-disable-next-line no-control-regex
const nul = /\u0000/

/** As written: `1.0`, `010` and `true` stay what they are. For quoted and block scalars the text that they stand for. */
function sourceOf(scalar: Scalar): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '')
}
