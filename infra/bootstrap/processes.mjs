import { spawn } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Something that the person at the keyboard can mend: shown without a stack. */
export class Stop extends Error {}

/** What runs now, to be ended when we are told to end. */
const running = new Set()

/**
 * Runs a program to its end and keeps what it printed. It has a process group of its own; after `timeoutMs` it is asked to end,
 * so that a test runner still says which test it was at, and soon after killed.
 */
export function run(command, args, { onOutput, timeoutMs, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options })
    let output = ''
    const take = (text) => {
      output += text
      onOutput?.(text)
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', take)
    }
    const giveUp = () => {
      take(`\ntold to end: it took longer than ${timeoutMs / 1000} s\n`)
      end(child)
    }
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs)
    running.add(child)
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code: code ?? 1, signal, output }))
    for (const event of ['error', 'close']) {
      child.once(event, () => {
        clearTimeout(timer)
        running.delete(child)
      })
    }
  })
}

/** Ends what `run` has started, for a signal that reached us alone, and waits for it. */
export async function endRunning() {
  await Promise.all(
    [...running].map((child) => {
      end(child)
      return new Promise((resolve) => child.once('close', resolve))
    })
  )
}

const graceMs = 10_000

function end(child) {
  killGroup(child.pid, 'SIGTERM')
  const timer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs)
  child.once('exit', () => clearTimeout(timer))
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (err) {
    if (err.code !== 'ESRCH') throw err
  }
}

/**
 * Runs a program in the foreground: its terminal is ours, our signals are its signals.
 * In a terminal Ctrl-C already reaches the whole process group, and a second one would cut a clean stop short.
 */
export function runInForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
      const pass = () => {
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
      }
      process.on(signal, pass)
      return () => process.off(signal, pass)
    })
    const forget = () => {
      for (const off of listeners) off()
    }
    child.once('error', (err) => {
      forget()
      reject(err)
    })
    child.once('close', (code, signal) => {
      forget()
      resolve(signal === null ? code : 128 + (signalNumbers[signal] ?? 1))
    })
  })
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 }

/** Servers are often outside a user's PATH. */
export function serverDirectories() {
  const usual = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [...usual, ...postgresDirectories('/usr/lib/postgresql')]
}

function postgresDirectories(parent) {
  try {
    const versions = readdirSync(parent).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(parent, version, 'bin'))
  } catch {
    return [] // not Debian, or no PostgreSQL
  }
}

/** The full path of the first of these programs that is installed, or null. */
export function findProgram(names, path, directories) {
  const searched = [...(path ?? '').split(delimiter).filter(Boolean), ...directories]
  for (const name of [names].flat()) {
    for (const directory of searched) {
      const file = join(directory, name)
      if (isExecutable(file)) return file
    }
  }
  return null
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
