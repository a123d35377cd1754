import type { SourceLocation } from '@slipway/domain'
import {
  type Alias,
  Composer,
  type CST,
  isAlias,
  isCollection,
  isNode,
  isPair,
  Lexer,
  LineCounter,
  type Node,
  Parser
} from 'yaml'
import { failureAt, quote } from './location.ts'

export const yamlLimitBytes = 256 * 1024
/** Nesting and pieces that no stack file needs; beyond them the parser would take seconds. */
const depthLimit = 64
const lexemeLimit = 60_000

/** A YAML document whose nodes know their places. Nothing is converted yet: scalars are still text. */
export interface YamlDocument {
  root: Node | null
  locate(node: Node | number): SourceLocation
  /** What an alias stands for; undefined when no anchor of that name came before it. */
  targetOf(alias: Alias): Node | undefined
}

/**
 * Reads one YAML document that a stranger wrote, in time and memory that its size bounds.
 *
 * @param file the name that errors carry.
 * @throws Failure `invalid-stack` with line and column.
 */
export function readYaml(text: string, file: string): YamlDocument {
  const [first, second] = readYamlDocuments(text, file, yamlLimitBytes)
  if (second !== undefined) {
    throw failureAt('invalid-stack', second.at, 'a second document begins here: one file holds one document')
  }
  return first ?? { root: null, locate: () => ({ path: file, line: 1, column: 1 }), targetOf: () => undefined }
}

/** The same for a file that may hold several documents. */
export function readYamlDocuments(
  text: string,
  file: string,
  limitBytes: number
): (YamlDocument & { at: SourceLocation })[] {
  const start = { path: file, line: 1, column: 1 }
  if (Buffer.byteLength(text) > limitBytes) {
    throw failureAt('invalid-stack', start, `the file is larger than ${limitBytes / 1024} KiB`)
  }
  const lines = new LineCounter()
  const locate = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    return { path: file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const tokens = tokenise(text, lines, locate)
  return compose(tokens, locate).map(({ root, offset }) => {
    const targets = root === null ? new Map<Alias, Node>() : aliasTargets(root)
    return {
      root,
      at: locate(offset),
      locate: (node) => locate(typeof node === 'number' ? node : (node.range?.[0] ?? 0)),
      targetOf: (alias) => targets.get(alias)
    }
  })
}

function tokenise(text: string, lines: LineCounter, locate: (offset: number) => SourceLocation): CST.Token[] {
  const tokens: CST.Token[] = []
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let lexemes = 0
  let offset = 0
  const take = (token: CST.Token) => {
    if (token.type === 'error') throw failureAt('invalid-stack', locate(token.offset), sentence(token.message))
    if (token.type === 'directive')
      throw failureAt('invalid-stack', locate(token.offset), 'YAML directives are not read')
    tokens.push(token)
  }
  const control = /[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\uffff\u{10000}-\u{10ffff}]/u
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) take(token)
    lexemes++
    if (parser.stack.length > depthLimit)
      throw failureAt('invalid-stack', locate(offset), `nested deeper than ${depthLimit} levels`)
    if (lexemes > lexemeLimit) throw failureAt('invalid-stack', locate(offset), 'too many values for one file')
    offset = parser.offset
  }
  for (const token of parser.end()) take(token)
  const found = control.exec(text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text)
  if (found !== null)
    throw failureAt(
      'invalid-stack',
      locate(found.index),
      `the character ${quote(found[0])} is not allowed in a YAML file`
    )
  return tokens
}

function compose(
  tokens: CST.Token[],
  locate: (offset: number) => SourceLocation
): { root: Node | null; offset: number }[] {
  // Keys are checked for duplicates as maps are read: the library's own check takes quadratic time.
  const composer = new Composer({
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent'
  })
  const documents = [...composer.compose(tokens)]
  const error = documents.flatMap((document) => document.errors)[0]
  if (error !== undefined) throw failureAt('invalid-stack', locate(error.pos[0]), sentence(error.message))
  return documents.map(({ contents, range }) => ({ root: contents, offset: range[0] }))
}

/** Every alias and what it stands for: the last anchor of that name before it. */
function aliasTargets(root: Node): Map<Alias, Node> {
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  const visit = (node: unknown) => {
    if (isPair(node)) {
      visit(node.key)
      visit(node.value)
    } else if (isAlias(node)) {
      const target = anchors.get(node.source)
      if (target !== undefined) targets.set(node, target)
    } else if (isNode(node)) {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node)
      if (isCollection(node)) for (const item of node.items) visit(item)
    }
  }
  visit(root)
  return targets
}

/** The library's messages begin with a capital and may show the source over several lines. */
function sentence(message: string): string {
  const first = message.split('\n', 1)[0] ?? ''
  return (first.charAt(0).toLowerCase() + first.slice(1)).replace(/:$/, '')
}
