import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { smallStartFlags } from './small-start.ts'

test('while a small process starts nothing is compiled anew, afterwards what is called often is', async () => {
  const program = `
    const { endSmallStart } = await import(${JSON.stringify(import.meta.resolve('./small-start.ts'))})
    // By Maglev or TurboFan: kMaglevved and kTurboFanned of V8's runtime.h.
    const isCompiledAnew = (status) => (status & (1 << 5 | 1 << 6)) !== 0
    const callOften = async (work, statusOf) => {
      for (let turn = 0; turn < 200 && !isCompiledAnew(statusOf()); turn++) {
        for (let i = 0; i < 200; i++) work(i, turn)
        await new Promise((go) => setTimeout(go, 1))
      }
      return isCompiledAnew(statusOf())
    }
    const starting = (a, b) => a * b + a
    const serving = (a, b) => a * b - a
    const atStart = await callOften(starting, () => %GetOptimizationStatus(starting))
    endSmallStart()
    console.log(JSON.stringify([atStart, await callOften(serving, () => %GetOptimizationStatus(serving))]))
  `
  const flags = [...smallStartFlags, '--allow-natives-syntax', '--input-type=module']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', program])
  assert.deepEqual(JSON.parse(stdout), [false, true])
})
