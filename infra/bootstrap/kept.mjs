import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Where something is kept that is made once and outside of the tree, so that every checkout finds it. */
export function keptDirectory(machine, name) {
  return join(machine.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'slipway', name)
}

/**
 * Makes such a directory, whole or not at all: beside its place, and moved there at the end.
 * Of several commands that make it at once the first one's stays, and is taken by all.
 */
export async function makeKept(directory, make) {
  mkdirSync(dirname(directory), { recursive: true })
  const beside = mkdtempSync(`${directory}.`)
  try {
    await make(beside)
    moveUnlessThere(beside, directory)
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
}

function moveUnlessThere(from, to) {
  try {
    renameSync(from, to)
  } catch (err) {
    if (err.code !== 'ENOTEMPTY' && err.code !== 'EEXIST') throw err
  }
}
