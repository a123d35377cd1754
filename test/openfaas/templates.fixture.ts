import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openFaasProgram } from './faas-cli.fixture.ts'

/** What a function is made of: one process behind of-watchdog, or a process for each call behind classic-watchdog. */
export type WatchdogTemplate = 'of-http' | 'classic'

/** Started once. Its handler is a listener of `node:http`. */
const server = `require('node:http').createServer(require('./function/handler.js')).listen(3000, '127.0.0.1')\n`

/**
 * Writes templates for faas-cli, as OpenFaaS' own are made: a watchdog that was compiled by its makers as the command of an image that has
 * Node and a shell.
 *
 * @param installation what the images are labelled with, so that they are removed with all else
 */
export async function writeTemplates(directory: string, installation: string): Promise<void> {
  const base = process.env.BASE_NODE
  if (base === undefined) throw new Error('BASE_NODE is not set: run the tests by npm')
  const watchdogs = {
    'of-http': {
      program: await openFaasProgram('OF_WATCHDOG', 'of-watchdog'),
      environment: 'mode=http http_upstream_url=http://127.0.0.1:3000 fprocess="node index.js"'
    },
    classic: {
      program: await openFaasProgram('CLASSIC_WATCHDOG', 'classic-watchdog'),
      environment: 'fprocess=cat'
    }
  } satisfies Record<WatchdogTemplate, { program: string; environment: string }>
  for (const [name, { program, environment }] of Object.entries(watchdogs)) {
    const folder = join(directory, 'template', name)
    await mkdir(join(folder, 'function'), { recursive: true })
    await copyFile(program, join(folder, 'fwatchdog'))
    await writeFile(join(folder, 'index.js'), server)
    await writeFile(join(folder, 'template.yml'), `language: ${name}\n`)
    const lines = [
      `FROM ${base}`,
      'WORKDIR /home/app',
      'COPY fwatchdog /usr/bin/fwatchdog',
      'COPY index.js ./',
      'COPY function function',
      `LABEL com.slipway.installation=${installation}`,
      `ENV ${environment}`,
      'USER 10001',
      'CMD ["fwatchdog"]'
    ]
    await writeFile(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`)
  }
}
