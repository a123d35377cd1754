import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { assertFails, plant } from '../context/checkout.fixture.ts'
import { noSources } from '../context/prepare.fixture.ts'
import { entry, onlyFunction, parse } from '../stack/stack.fixture.ts'
import { resolveTemplate, type TemplateOptions } from './resolve.ts'
import { buildArgumentsOf, specWithTemplate } from './template.ts'

const at = { path: 'stack.yml', line: 3, column: 11 }
const { signal } = new AbortController()
const source = { value: 'https://github.com/openfaas/templates.git#v1', at: { path: 'stack.yml', line: 9, column: 7 } }

function resolve(lang: string, options: Partial<TemplateOptions> = {}) {
  return resolveTemplate(
    { value: lang, at },
    { ...noSources, checkout: '/nowhere', stackTemplates: [], ...options },
    signal
  )
}

/** A template repository with templates of these names, and what was asked of it. */
function repository(path: string) {
  const asked: [string, string | null][] = []
  const fetchTemplateRepository: TemplateOptions['fetchTemplateRepository'] = (url, ref) => {
    asked.push([url, ref])
    return Promise.resolve({ path, commit: 'c'.repeat(40) })
  }
  return { asked, fetchTemplateRepository }
}

test('the names of OpenFaaS’s templates lead to the built-in ones', async () => {
  const builtIns = {
    node: 'node',
    node18: 'node',
    node20: 'node',
    node22: 'node',
    python: 'python',
    python3: 'python',
    'python3-http': 'python',
    static: 'static'
  }
  for (const [lang, builtIn] of Object.entries(builtIns)) {
    const template = await resolve(lang)
    assert.equal(template.builtIn, builtIn)
    assert.equal(template.lang, lang)
    assert.equal(template.handlerFolder, 'function')
    assert.equal(template.readyPath, '/_/ready')
  }
  assert.equal((await resolve('dockerfile')).path, null)
})

test('an unknown template is an error at its place that names the known ones', async () => {
  const failure = await assertFails(
    resolve('nod22'),
    'invalid-stack',
    /^stack\.yml:3:11: lang: there is no template "nod22" \(did you mean "node22"\?\); known are .*node18.*static/
  )
  assert.deepEqual(failure.location, at)
  await assertFails(resolve('constructor'), 'invalid-stack', /there is no template "constructor"/)
})

test('a repository’s own template comes first where that is allowed, and is told of where it is not', async (t) => {
  const checkout = plant(t, {
    'template/node/Dockerfile': 'FROM x',
    'template/node/template.yml': 'language: node\nfprocess: node x.js\n'
  })
  const own = await resolve('node', { checkout, isOwnAllowed: true })
  assert.deepEqual([own.origin, own.builtIn, own.fprocess, own.readyPath], ['repository', null, 'node x.js', null])
  const builtIn = await resolve('node', { checkout })
  assert.equal(builtIn.origin, 'built-in')
  assert.match(builtIn.warnings[0]?.message ?? '', /template\/node is not used/)
})

test('a stack’s template repository is used when its address is allowed, at the ref it names', async (t) => {
  const { asked, fetchTemplateRepository } = repository(
    plant(t, { 'template/ruby/Dockerfile': 'FROM x', 'template/ruby/template.yml': '' })
  )
  const options = { stackTemplates: [{ name: null, source }], fetchTemplateRepository }
  const template = await resolve('ruby', { ...options, allowedSources: ['https://github.com/openfaas/*'] })
  assert.equal(template.origin, 'stack')
  assert.equal(template.source, `https://github.com/openfaas/templates.git at ${'c'.repeat(40)}`)
  assert.deepEqual(asked, [['https://github.com/openfaas/templates.git', 'v1']])
  await assertFails(
    resolve('ruby', { ...options, allowedSources: ['https://github.com/openfaas-other/*'] }),
    'invalid-stack',
    /its address is not allowed here/
  )
  assert.equal(
    (await resolve('ruby', { ...options, allowedSources: ['https://GitHub.com/openfaas/templates'] })).origin,
    'stack'
  )
  assert.equal(asked.length, 2)
})

test('the source that is listed under the name is asked before others', async (t) => {
  const { asked, fetchTemplateRepository } = repository(plant(t, { 'template/b/Dockerfile': 'FROM x' }))
  const listed = ['a', 'b'].map((name) => ({ name, source: { ...source, value: `https://example.com/${name}` } }))
  await resolve('b', { stackTemplates: listed, fetchTemplateRepository, allowedSources: ['*'] })
  assert.deepEqual(asked, [['https://example.com/b', null]])
})

test('addresses that are no https repositories are refused at their place', async () => {
  for (const value of [
    'http://github.com/a/b',
    'file:///etc',
    'ssh://-oProxyCommand=x/y',
    'ext::sh -c x',
    'git@github.com:a/b',
    'https://user:token@github.com/a/b',
    'https://github.com/a/b?x=y',
    'https://github.com/a/b#--upload-pack=x',
    'https://github.com/a/b#a..b',
    'https://github.com/a/b#x y',
    'nonsense',
    ''
  ]) {
    const stackTemplates = [{ name: null, source: { ...source, value } }]
    await assertFails(
      resolve('ruby', { stackTemplates, allowedSources: ['*'] }),
      'invalid-stack',
      /^stack\.yml:9:7: configuration\.templates: /
    )
  }
})

test('an unencrypted address is taken only where the allowed ones say so', async (t) => {
  const { asked, fetchTemplateRepository } = repository(plant(t, { 'template/b/Dockerfile': 'FROM x' }))
  const stackTemplates = [{ name: null, source: { ...source, value: 'http://forge.internal/a/b#v2' } }]
  const options = { stackTemplates, fetchTemplateRepository }
  await resolve('b', { ...options, allowedSources: ['http://forge.internal/a/*'] })
  assert.deepEqual(asked, [['http://forge.internal/a/b', 'v2']])
  for (const allowed of ['*', 'https://forge.internal/a/b', 'http://forge.internal/b/*']) {
    const refused = resolve('b', { ...options, allowedSources: [allowed] })
    await assertFails(refused, 'invalid-stack', /is not the https address/)
  }
})

test('the platform’s repositories come before the built-in templates, and their failures are not passed over', async (t) => {
  const { fetchTemplateRepository } = repository(plant(t, { 'template/node22/Dockerfile': 'FROM x' }))
  const platformRepositories = [{ url: 'https://example.com/t', ref: null }]
  assert.equal((await resolve('node22', { platformRepositories, fetchTemplateRepository })).origin, 'platform')
  assert.equal((await resolve('node20', { platformRepositories, fetchTemplateRepository })).origin, 'built-in')
  const away = () => Promise.reject(new Failure('unavailable', 'the template repository is away'))
  await assertFails(resolve('node', { platformRepositories, fetchTemplateRepository: away }), 'unavailable', /away/)
})

test('a template that leads outside, has no Dockerfile or no readable template.yml is refused', async (t) => {
  const outside = plant(t, { 'x/Dockerfile': 'FROM x' })
  const use = (files: Parameters<typeof plant>[1], lang = 'x') =>
    resolve(lang, { checkout: plant(t, files), isOwnAllowed: true })
  await assertFails(
    use({ 'template/x/handler.js': '' }),
    'invalid-stack',
    /template "x" of the repository itself has no Dockerfile/
  )
  await assertFails(use({ template: { link: outside } }), 'unsafe-path', /link that leaves/)
  await assertFails(use({ 'template/x': { link: join(outside, 'x') } }), 'invalid-stack', /no template "x"/)
  await assertFails(
    use({ 'template/x/Dockerfile': { link: join(outside, 'x/Dockerfile') } }),
    'unsafe-path',
    /link that leaves/
  )
  const manifest = (text: string) => use({ 'template/x/Dockerfile': 'FROM x', 'template/x/template.yml': text })
  await assertFails(manifest('a: [b'), 'invalid-stack', /template\.yml cannot be read/)
  await assertFails(manifest('build_options: 3'), 'invalid-stack', /build_options/)
  await assertFails(manifest('handler_folder: ../../x'), 'unsafe-path', /handler_folder "\.\.\/\.\.\/x"/)
  await assertFails(manifest('handler_folder: /etc'), 'unsafe-path', /handler_folder/)
  assert.equal((await manifest('handler_folder: ./src/\nunknown: x\n')).handlerFolder, 'src')
})

test('build options stand for packages of the template', async (t) => {
  const checkout = plant(t, {
    'template/x/Dockerfile': 'FROM x',
    'template/x/template.yml':
      'build_options:\n  - name: dev\n    packages: [make, gcc]\n  - name: git\n    packages: [git, make]\n'
  })
  const template = await resolve('x', { checkout, isOwnAllowed: true })
  const fn = onlyFunction(parse(entry('build_options: [dev, git]', 'build_args: { ADDITIONAL_PACKAGE: jq gcc }')))
  assert.deepEqual(buildArgumentsOf(fn, template), { ADDITIONAL_PACKAGE: 'make gcc git jq' })
  const wrong = onlyFunction(parse(entry('build_options: [devel]')))
  assert.throws(
    () => buildArgumentsOf(wrong, template),
    /^Failure: stack\.yml:5:21: build option "devel" is not in the template "x" \(did you mean "dev"\?\): it has dev, git$/
  )
})

test('a template gives its readiness path and process where the stack says nothing', async () => {
  const template = await resolve('node')
  const plain = specWithTemplate(onlyFunction(parse(entry())), template)
  assert.deepEqual([plain.readiness.path, plain.readiness.pathSource], ['/_/ready', 'the template "node"'])
  const annotated = specWithTemplate(
    onlyFunction(parse(entry('annotations: { com.openfaas.health.http.path: /h }'))),
    template
  )
  assert.equal(annotated.readiness.path, '/h')
  const own = specWithTemplate(onlyFunction(parse(entry('fprocess: x'))), {
    ...template,
    readyPath: null,
    fprocess: 'y'
  })
  assert.deepEqual([own.readiness.path, own.readiness.pathSource, own.fprocess], ['/_/health', 'the default', 'x'])
})
