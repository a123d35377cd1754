import { readFileSync, writeFileSync } from 'node:fs'

/*
 * Made fixtures/github-openapi.json, and is run again by hand when a call is added:
 *
 *   npm install --no-save --prefix /tmp/openapi @octokit/openapi@23.0.2    (385 MB, hence no dependency)
 *   node src/contract/extract.ts /tmp/openapi/node_modules/@octokit/openapi/generated/api.github.com.json
 */

const calls: [path: string, ...methods: string[]][] = [
  ['/app', 'get'],
  ['/app-manifests/{code}/conversions', 'post'],
  ['/app/hook/config', 'get', 'patch'],
  ['/app/hook/deliveries', 'get'],
  ['/app/hook/deliveries/{delivery_id}', 'get'],
  ['/app/installations', 'get'],
  ['/app/installations/{installation_id}', 'get'],
  ['/app/installations/{installation_id}/access_tokens', 'post'],
  ['/installation/repositories', 'get'],
  ['/repos/{owner}/{repo}', 'get'],
  ['/repos/{owner}/{repo}/installation', 'get'],
  ['/repos/{owner}/{repo}/git/ref/{ref}', 'get'],
  ['/repos/{owner}/{repo}/check-runs', 'post'],
  ['/repos/{owner}/{repo}/check-runs/{check_run_id}', 'get', 'patch'],
  ['/repos/{owner}/{repo}/commits/{ref}/check-runs', 'get'],
  ['/repos/{owner}/{repo}/commits/{ref}/statuses', 'get'],
  ['/repos/{owner}/{repo}/statuses/{sha}', 'post'],
  ['/user', 'get'],
  ['/user/orgs', 'get'],
  ['/user/memberships/orgs', 'get'],
  ['/user/installations', 'get'],
  ['/user/installations/{installation_id}/repositories', 'get']
]

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Prose, and what validates nothing. Only where they are keywords: a property may well be called `description`. */
const keywords = new Set([
  'description',
  'summary',
  'example',
  'examples',
  'externalDocs',
  'tags',
  'operationId',
  'title'
])

function trim(value: Json, isMapOfNames = false): Json {
  if (Array.isArray(value)) return value.map((item) => trim(item))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => isMapOfNames || (!keywords.has(key) && !key.startsWith('x-')))
      .map(([key, item]) => [key, trim(item, !isMapOfNames && (key === 'properties' || key === 'schemas'))])
  )
}

function at(document: Json, pointer: string): Json {
  let value = document
  for (const key of pointer.slice(2).split('/')) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(`${pointer} leads nowhere`)
    value = value[key.replaceAll('~1', '/')] ?? null
  }
  return value
}

function referencesIn(value: Json): string[] {
  return [...JSON.stringify(value).matchAll(/"\$ref":"(#\/[^"]+)"/g)].map(([, pointer = '']) => pointer)
}

function extract(document: { [key: string]: Json }): Json {
  const paths: Record<string, Json> = {}
  for (const [path, ...methods] of calls) {
    paths[path] = Object.fromEntries(
      methods.map((method) => [method, trim(at(document, `#/paths/${path.replaceAll('/', '~1')}/${method}`))])
    )
  }
  const components: Record<string, Record<string, Json>> = {}
  const open = referencesIn(paths)
  for (let pointer = open.pop(); pointer !== undefined; pointer = open.pop()) {
    const [, , kind = '', name = ''] = pointer.split('/')
    components[kind] ??= {}
    if (name in components[kind]) continue
    const found = trim(at(document, pointer))
    components[kind][name] = found
    open.push(...referencesIn(found))
  }
  const { openapi = null, info = null } = document
  const version = (info as { version: string }).version
  return {
    openapi,
    info: { title: 'The part of the GitHub REST API that Slipway calls', version, license: { name: 'MIT' } },
    'x-source': `npm @octokit/openapi@${version}, generated/api.github.com.json, by contract/extract.ts`,
    paths,
    components
  }
}

const [, , file] = process.argv
if (file === undefined) throw new Error('usage: node extract.ts <api.github.com.json>')
const document = JSON.parse(readFileSync(file, 'utf8')) as { [key: string]: Json }
writeFileSync(
  new URL('fixtures/github-openapi.json', import.meta.url),
  `${JSON.stringify(extract(document), null, 1)}\n`
)
