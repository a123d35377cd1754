import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildDetail } from '@slipway/client'
import Docker from 'dockerode'
import { type Answer, call, type Scene, type TestRepository } from './scene.ts'

/** A repository as its owner would have it for OpenFaaS: `stack.yml` and a folder for each function. Its README says what each shows. */
export const handlersFolder = fileURLToPath(new URL('./handlers/', import.meta.url))

type CallOptions = Parameters<typeof call>[2]

/** The handlers of that folder as functions of the owner `alice`. */
export interface HandlerProject {
  repository: TestRepository
  /** The build that brings them live. */
  live: Promise<BuildDetail>
  /** Calls one, once all are live. */
  ask(name: string, path?: string, options?: CallOptions): Promise<Answer>
  askJson(name: string, path?: string, options?: CallOptions): Promise<Record<string, unknown>>
  containerOf(name: string): Promise<Docker.Container>
}

/** Pushes them. Does not wait for the build. */
export async function pushHandlers(scene: Scene): Promise<HandlerProject> {
  const repository = await scene.repository({ owner: 'alice', name: 'handlers' })
  const { directory } = repository.workingCopy
  await cp(handlersFolder, directory, { recursive: true })
  await installAnew(directory)
  const commit = await repository.push({ 'box/Dockerfile': ownDockerfile('serve.mjs') })
  const live = repository.ended(commit, 240_000)
  live.catch(() => {}) // every test that needs it says so

  async function ask(name: string, path = '/', options: CallOptions = {}): Promise<Answer> {
    const build = await live
    assert.equal(build.status, 'live', build.reason ?? undefined)
    return call(scene, `/function/alice-${name}${path}`, options)
  }
  return {
    repository,
    live,
    ask,
    async askJson(name, path = '/', options = {}) {
      const { status, body } = await ask(name, path, options)
      assert.ok(status < 300, `${name}${path} answered ${status}: ${body}`)
      return JSON.parse(body) as Record<string, unknown>
    },
    async containerOf(name) {
      await live
      const docker = new Docker()
      const label = [
        `com.slipway.installation=${scene.installation.endpoints.installation}`,
        `com.slipway.cluster-name=alice-${name}`
      ]
      const [container] = await docker.listContainers({ filters: { label } })
      assert.ok(container, `${name} has a container`)
      return docker.getContainer(container.Id)
    }
  }
}

/** Says in the files that an installation is made from that this is another one: no layer of a former run may stand in for it. */
async function installAnew(directory: string): Promise<void> {
  const run = randomUUID()
  for (const name of ['durations', 'slugs']) {
    const file = join(directory, name, 'package.json')
    const manifest = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    await writeFile(file, JSON.stringify({ ...manifest, description: run }))
  }
  await appendFile(join(directory, 'inflect', 'requirements.txt'), `# ${run}\n`)
}

/** Runs a program that lies beside it. */
export function ownDockerfile(program: string): string {
  return `FROM ${process.env.BASE_NODE}\nWORKDIR /srv\nCOPY . .\nUSER 10001\nCMD ["node", "${program}"]\n`
}

export function post(body: string | Buffer, type?: string): CallOptions {
  return { method: 'POST', body, headers: type === undefined ? {} : { 'content-type': type } }
}

/** A template as others write them: its own place for the handler, options, and a Dockerfile that knows nothing of Slipway. */
export function greeterTemplate(word: string): Record<string, string> {
  return {
    'template/greeter/template.yml': [
      'language: greeter',
      'handler_folder: who',
      'build_options:',
      '  - name: loud',
      '    packages: [megaphone]',
      ''
    ].join('\n'),
    'template/greeter/Dockerfile': [
      `FROM ${process.env.BASE_NODE}`,
      'ARG ADDITIONAL_PACKAGE',
      'WORKDIR /srv',
      'RUN echo "$ADDITIONAL_PACKAGE" > packages.txt',
      'COPY . .',
      'USER 10001',
      'CMD ["node", "greet.mjs"]',
      ''
    ].join('\n'),
    'template/greeter/greet.mjs': [
      "import { readFileSync } from 'node:fs'",
      "import { createServer } from 'node:http'",
      "const read = (name) => readFileSync(name, 'utf8').trim()",
      `const answer = \`${word}, \${read('who/name.txt')} (\${read('packages.txt')})\``,
      'createServer((_request, response) => response.end(answer)).listen(8080)',
      ''
    ].join('\n')
  }
}
