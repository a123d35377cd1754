import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertFails } from '../context/checkout.fixture.ts'
import { renderDockerfile } from './dockerfile.ts'
import { wordsFor } from './function-facts.ts'

async function nodeWords(files: Record<string, string | object>, lang = 'node'): Promise<string[]> {
  const texts = Object.fromEntries(
    Object.entries(files).map(([path, content]) => [
      path,
      typeof content === 'string' ? content : JSON.stringify(content)
    ])
  )
  const words = await wordsFor('node', lang, {
    has: (path) => path in texts,
    read: (path) => Promise.resolve(texts[path] ?? null)
  })
  return [...words].sort()
}

const template = readFileSync(new URL('../../templates/node/Dockerfile', import.meta.url), 'utf8')

async function steps(files: Record<string, string | object>, lang?: string): Promise<string[]> {
  const text = renderDockerfile(template, new Set(await nodeWords(files, lang)))
  return text
    .trim()
    .split('\n')
    .filter((line) => /^(?:RUN|COPY)/.test(line))
    .map((line) => line.replace('--chown=10001:10001 ', ''))
}

test('a function without dependencies and tests is one layer', async () => {
  const trees: Record<string, object>[] = [
    {},
    { 'package.json': {} },
    { 'package.json': { name: 'x', scripts: { test: 'echo "Error: no test specified" && exit 1' } } }
  ]
  for (const files of trees) {
    assert.deepEqual(await steps(files), ['COPY *.mjs ./', 'COPY function/ function/'])
  }
})

test('dependencies are installed before the function comes in, from the lock file where there is one', async () => {
  const manifest = { dependencies: { a: '^1' }, devDependencies: { b: '1' } }
  const copy =
    'COPY function/package.json function/package-lock.json* function/npm-shrinkwrap.json* function/.npmrc* function/'
  assert.deepEqual(await steps({ 'package.json': manifest, 'package-lock.json': '{}' }), [
    'COPY *.mjs ./',
    copy,
    'RUN cd function && npm ci --omit=dev --no-audit --no-fund --cache=/tmp/npm && rm -rf /tmp/npm',
    'COPY function/ function/'
  ])
  assert.match((await steps({ 'package.json': manifest }))[2] ?? '', /npm install --omit=dev .*--no-package-lock/)
})

test('a real test is run, with what it needs', async () => {
  assert.deepEqual(await steps({ 'package.json': { scripts: { test: 'node --test' } } }), [
    'COPY *.mjs ./',
    'COPY function/ function/',
    'RUN cd function && npm test'
  ])
  const withDev = await steps({
    'package.json': { scripts: { test: 'mocha' }, devDependencies: { mocha: '1' } },
    'package-lock.json': '{}'
  })
  assert.match(withDev[2] ?? '', /npm ci --no-audit/)
  assert.equal(withDev.at(-1), 'RUN cd function && npm test')
})

test('development dependencies alone are not installed without a test', async () => {
  assert.deepEqual(await nodeWords({ 'package.json': { devDependencies: { mocha: '1' } } }), [])
})

test('what installing reads of the function is there first', async () => {
  for (const manifest of [
    { dependencies: { a: 'file:./a' } },
    { dependencies: { a: './a' } },
    { dependencies: { a: '1' }, scripts: { postinstall: 'node x.js' } },
    { dependencies: { a: '1' }, workspaces: ['packages/*'] }
  ]) {
    const found = await steps({ 'package.json': manifest })
    assert.equal(found[1], 'COPY function/ function/')
    assert.match(found[2] ?? '', /^RUN cd function && npm install/)
    assert.equal(found.length, 3)
  }
})

test('what npm and OpenFaaS write as a test is none', async () => {
  for (const script of [
    '',
    '  ',
    'echo "Error: no test specified" && exit 1',
    'echo "Error: no tests specified" && exit 0',
    "echo 'no test specified'"
  ]) {
    assert.deepEqual(await nodeWords({ 'package.json': { scripts: { test: script } } }), [], script)
  }
  assert.deepEqual(await nodeWords({ 'package.json': { scripts: { test: 'echo testing && node --test' } } }), ['test'])
})

test('the older names of the template keep the requests of Express 4', async () => {
  assert.deepEqual(await nodeWords({}, 'node18'), ['express4'])
  assert.match(renderDockerfile(template, new Set(['express4'])), /^ENV handler_requests=express4$/m)
  assert.doesNotMatch(renderDockerfile(template, new Set()), /express4/)
})

test('a package.json that cannot be read fails the build, saying so', async () => {
  await assertFails(nodeWords({ 'package.json': '{' }), 'build-failed', /package\.json of the function is not JSON/)
  await assertFails(
    nodeWords({ 'package.json': { dependencies: [] } }),
    'build-failed',
    /package\.json of the function: dependencies/
  )
  await assertFails(nodeWords({ 'package.json': '[]' }), 'build-failed', /package\.json of the function/)
})

test('requirements count when there are any', async () => {
  const words = (text: string | null) =>
    wordsFor('python', 'python', { has: () => text !== null, read: () => Promise.resolve(text) })
  assert.deepEqual([...(await words('# none\n\n'))], [])
  assert.deepEqual([...(await words(null))], [])
  assert.deepEqual([...(await words('# some\nflask==3\n'))], ['requirements'])
})

test('a rendered Dockerfile holds no directive and no comment', () => {
  assert.match(renderDockerfile(template, new Set()), /^ARG BASE_IMAGE\nFROM \$\{BASE_IMAGE\}\n/)
  assert.doesNotMatch(renderDockerfile(template, new Set(['dependencies', 'test'])), /#/)
})
