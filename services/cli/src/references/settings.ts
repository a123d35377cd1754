import { type SettingSchema, wantedOf } from '@slipway/service'
import { type Setting, settingGroups } from '../configuration/catalog.ts'

const introduction = `# Settings

Made of the schemas that the services check their settings with (\`npm run docs\`).

A setting is a variable of the environment, or a line of one file for all services. The environment wins. The file is what \`SLIPWAY_CONFIG\` names, else
\`slipway.env\` in \`SLIPWAY_HOME\` (\`.slipway\`); these two are of the environment alone. \`slipway up\`, every service, \`doctor\`, \`backup\` and \`restore\` read it
when they start.

\`\`\`text
# .slipway/slipway.env
PUBLIC_URL=https://slipway.example.com
BUILD_SLOTS=4
GITHUB_PRIVATE_KEY="-----BEGIN RSA PRIVATE KEY-----
…
-----END RSA PRIVATE KEY-----"
\`\`\`

One \`NAME=value\` a line, \`#\` begins a comment, and a value of several lines stands in quotes. It holds secrets: let only its user read it (mode 600). A
backup has it where it is in \`SLIPWAY_HOME\`.

\`slipway config check\` names everything that is unknown or wrong, with its line and what it has to be, and never shows a value:

\`\`\`sh
slipway config check
\`\`\`

\`\`\`text
!! READY_TIMEOUT_MS must be an integer of at least 1000 (line 3)
!! BULD_SLOTS is no setting (did you mean "BUILD_SLOTS"?) (line 4)
\`\`\`

A value may stand in a file of its own, which \`<name>_FILE\` names instead, as secrets of containers come: \`GITHUB_PRIVATE_KEY_FILE=/run/secrets/github.pem\`.

\`NAME_FILE\` in place of \`NAME\` names a file that holds the value, as secrets of containers come. An empty value counts as not set. \`…_MS\` are milliseconds, \`…_MB\` MiB. "Read by" says which services take a setting: with \`slipway up\` all of them are there.
`

/** `docs/settings.md`. */
export function settingsReference(): string {
  const parts = settingGroups().map(({ title, settings }) => `## ${title}\n\n${tableOf(settings)}`)
  return `${introduction}\n${parts.join('\n\n')}\n`
}

function tableOf(settings: Setting[]): string {
  const rows = settings.map(
    ({ name, schema, services }) =>
      `| \`${name}\` | ${services.join(', ')} | ${defaultOf(schema)} | ${cell(`${schema.description ?? ''} ${mustOf(schema)}`)} |`
  )
  return ['| setting | read by | default | |', '|---|---|---|---|', ...rows].join('\n')
}

const cell = (text: string) => text.trim().replaceAll('|', '\\|')

function defaultOf({ default: value }: SettingSchema): string {
  if (value === undefined) return ''
  return value === '' ? 'empty' : `\`${String(value)}\``
}

function mustOf(schema: SettingSchema): string {
  const wanted = wantedOf(schema)
  if (wanted === 'text') return ''
  const { pattern, expected } = schema
  // A pattern that has no words is shown as code.
  const shown =
    pattern !== undefined && expected === undefined ? wanted.replace(pattern, () => `\`${pattern}\``) : wanted
  return `(${shown})`
}
