import { createApiForTest } from '@slipway/api/fixture'
import { type ApiDocument, apiMarkdown, readDocument } from '@slipway/api/reference'

const introduction = `# The status API

Made of the OpenAPI document that every installation serves (\`npm run docs\`): \`/api/v1/openapi.json\` for programs, \`/docs\` for people, with the version that
runs there.

\`\`\`sh
curl -s "$SLIPWAY_URL/api/v1/functions" -H "Authorization: Bearer $SLIPWAY_TOKEN"
\`\`\`

\`SLIPWAY_URL\` is the address that \`slipway up\` prints, \`SLIPWAY_TOKEN\` what \`slipway tokens create\` shows once. A token is for one owner, for \`read\`, \`deploy\` or
\`admin\`, and expires.

- What may not be seen answers 404, as if it were not there; what may be seen and not done 403.
- Errors are \`application/problem+json\` with \`code\`, and \`detail\` for people. 429 and 503 are worth another try, after \`Retry-After\` where it is given.
- Lists go from the newest to the oldest. \`next\` of an answer is \`before\` of the next call; null: that was all.
- Times are milliseconds since 1970. A GET changes nothing.
- Logs and events are streams of server-sent events; who comes back with \`Last-Event-ID\` misses nothing.
`

/** `docs/api.md`. */
export async function apiReference(): Promise<string> {
  const later: (() => unknown)[] = []
  const { app } = await createApiForTest({ after: (done) => void later.push(done as () => unknown) })
  const document = (await app.inject('/api/v1/openapi.json')).json<ApiDocument>()
  for (const done of later.toReversed()) await done()
  return `${introduction}\n${apiMarkdown(readDocument(document))}\n`
}
