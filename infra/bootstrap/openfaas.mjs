import { existsSync } from 'node:fs'
import { Stop } from './processes.mjs'

/** OpenFaaS' own programs, by the variable that names each; the watchdogs are both called `fwatchdog` where they are installed in images. */
const programs = {
  FAAS_CLI: { name: 'faas-cli', home: 'https://github.com/openfaas/faas-cli' },
  OF_WATCHDOG: { name: 'of-watchdog', home: 'https://github.com/openfaas/of-watchdog' },
  CLASSIC_WATCHDOG: { name: 'classic-watchdog', home: 'https://github.com/openfaas/classic-watchdog' }
}

/**
 * The programs of OpenFaaS that Slipway is tried with. They are on no registry that we install from, so that whoever wants these tests
 * brings them.
 *
 * @returns the environment variables that tell the tests where they are
 * @throws Stop what is missing and how to say where it is, all at once
 */
export function findOpenFaasPrograms({ machine, say }) {
  const found = {}
  const missing = []
  for (const [variable, { name, home }] of Object.entries(programs)) {
    const configured = machine.env[variable]
    const path = configured || machine.find([name])
    if (path !== null && existsSync(path)) {
      say(`${name} is ${path}`)
      found[variable] = path
    } else {
      missing.push(configured ? `${name}: ${variable} names ${configured}, which is not there` : `${name}: ${home}`)
    }
  }
  if (missing.length === 0) return found
  throw new Stop(
    `OpenFaaS' own programs are needed for this. Take a release of each that is missing, statically linked, and put it on the PATH by its name or name it by ${Object.keys(programs).join(', ')}:\n${missing.map((line) => `  ${line}`).join('\n')}`
  )
}
