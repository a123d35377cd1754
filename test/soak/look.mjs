import { renameSync, writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/*
 * Loaded into each process of a soak. Asked by a signal, it says what it holds once nothing is left that could be collected: what a
 * process takes beyond that is V8's choice of when to collect, which depends on how much memory the machine has.
 */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

process.on('SIGPWR', () => {
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const file = `${process.env.SLIPWAY_HOME}/memory-${process.pid}.json`
  writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()))
  renameSync(`${file}.new`, file)
})
