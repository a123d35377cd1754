import { Failure } from '@slipway/domain'
import type { Header } from 'tar-stream'

/** What a folder that is sent may hold. */
export interface SourceLimits {
  files: number
  /** Of all files together, and of one. */
  bytes: number
  fileBytes: number
  /** Directories within each other. */
  depth: number
}

export const defaultSourceLimits: SourceLimits = {
  files: 50_000,
  bytes: 1024 ** 3,
  fileBytes: 256 * 1024 ** 2,
  depth: 40
}

/** One thing of the folder. Paths are relative, with `/`. */
export type SourceEntry =
  | { kind: 'file'; path: string; size: number; isExecutable: boolean }
  | { kind: 'folder'; path: string }
  | { kind: 'link'; path: string; target: string }

const nameLimit = 255
const pathLimit = 4096

/**
 * Judges the entries of a tar one after the other, before anything of them is written. An entry never lies behind a link or a file
 * that came before it, and a link stays inside of the folder: by induction nothing that is written lies outside.
 *
 * @returns a function that gives the entry; null for the folder itself.
 *   It throws Failure `unsafe-path` naming the path, `limit-exceeded` naming the limit, `invalid-payload` for what no folder holds.
 */
export function createEntryCheck(limits: SourceLimits): (header: Header) => SourceEntry | null {
  const kinds = new Map<string, SourceEntry['kind']>()
  let files = 0
  let bytes = 0

  function place(path: string, kind: SourceEntry['kind']): void {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const above = parts.slice(0, depth).join('/')
      const known = kinds.get(above)
      if (known === undefined) kinds.set(above, 'folder')
      else if (known !== 'folder') throw unsafe(path, `lies behind ${shown(above)}, which is a ${known}`)
    }
    const known = kinds.get(path)
    if (known !== undefined && !(known === 'folder' && kind === 'folder')) throw unsafe(path, 'is there twice')
    kinds.set(path, kind)
    // Folders cost as much as files: of either there may be so many.
    if (kinds.size > 2 * limits.files) throw exceeded(`more than ${2 * limits.files} files and folders`)
  }

  return function check(header) {
    const path = pathOf(header, limits)
    if (path === null) return null
    // oxlint-disable-next-line switch-exhaustiveness-check -- what is not named is refused, also what is not known yet
    switch (header.type) {
      case 'directory':
        place(path, 'folder')
        return { kind: 'folder', path }
      case 'symlink': {
        place(path, 'link')
        const target = header.linkname ?? ''
        checkTarget(path, target)
        return { kind: 'link', path, target }
      }
      case 'file':
      case 'contiguous-file': {
        place(path, 'file')
        const size = sizeOf(header, path)
        files += 1
        bytes += size
        if (files > limits.files) throw exceeded(`more than ${limits.files} files`)
        if (size > limits.fileBytes) {
          throw exceeded(`a file of ${mebibytes(size)} (${shown(path)}), ${mebibytes(limits.fileBytes)} are allowed`)
        }
        if (bytes > limits.bytes) throw exceeded(`files of more than ${mebibytes(limits.bytes)} together`)
        return { kind: 'file', path, size, isExecutable: ((header.mode ?? 0) & 0o100) !== 0 }
      }
      // Hard links, devices, FIFOs, and what no reader of tars knows.
      default:
        throw unsafe(path, `is a ${header.type ?? 'file of an unknown kind'}: only files, folders and links are taken`)
    }
  }
}

function sizeOf({ size, pax }: Header, path: string): number {
  if (pax !== null && Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) {
    throw unsafe(path, 'is a sparse file: send it whole')
  }
  if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
    throw new Failure('invalid-payload', `${shown(path)} has a size that no file has`)
  }
  return size
}

/** The path of an entry within the folder; null for the folder itself. */
function pathOf({ name }: Header, limits: SourceLimits): string | null {
  if (name.includes('\0') || name.includes('\ufffd')) throw unsafe(name, 'is no name in UTF-8')
  if (name.startsWith('/')) throw unsafe(name, 'is absolute')
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.length === 0) return null
  if (parts.includes('..')) throw unsafe(name, 'leads out of the folder')
  if (parts.some((part) => /^\.git$/i.test(part))) throw unsafe(name, 'belongs to git: leave ".git" out')
  if (name.length > pathLimit || parts.some((part) => Buffer.byteLength(part) > nameLimit)) {
    throw exceeded(`a name that is too long (${shown(name)})`)
  }
  if (parts.length - 1 > limits.depth) {
    throw exceeded(`folders ${parts.length - 1} deep (${shown(name)}), ${limits.depth} are allowed`)
  }
  return parts.join('/')
}

/** A link goes up first, if at all, and never above the folder: what lies above it are real folders, so each step is what it says. */
function checkTarget(path: string, target: string): void {
  if (target === '' || target.includes('\0') || target.length > pathLimit || target.startsWith('/')) {
    throw unsafe(path, `is a link to ${shown(target)}, which is outside of the folder`)
  }
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  const ups = parts.findIndex((part) => part !== '..')
  const rest = ups === -1 ? [] : parts.slice(ups)
  const above = path.split('/').length - 1
  if ((ups === -1 ? parts.length : ups) > above || rest.includes('..')) {
    throw unsafe(path, `is a link to ${shown(target)}, which may lead out of the folder`)
  }
}

function unsafe(path: string, why: string): Failure {
  return new Failure('unsafe-path', `${shown(path)} ${why}`)
}

function exceeded(what: string): Failure {
  return new Failure(
    'limit-exceeded',
    `the folder holds ${what}: list what is not needed in .dockerignore, or ask the administrator`
  )
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`
}
