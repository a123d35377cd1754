import {
  configurationFields,
  defaultPolicy,
  droppedFields,
  formatMemory,
  functionFields,
  providerFields,
  resourceFields,
  rootFields,
  type StackFields,
  templateFields
} from '@slipway/builder/stack'
import { scaleDefaults } from '@slipway/domain'

/** A whole file: a test has the parser read it without a warning. */
export const stackExample = `version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: node
    handler: ./hello
    environment:
      GREETING: \${GREETING:-hello}
      write_timeout: 30s
    secrets:
      - database
    labels:
      com.openfaas.scale.min: 1
      com.openfaas.scale.max: 4
    annotations:
      com.openfaas.ready.http.path: /_/ready
    limits:
      memory: 128Mi
      cpu: 500m
`

/** `docs/stack.md`. */
export function stackReference(): string {
  const { defaults, maximum, functionLimit, labels, buildArguments } = defaultPolicy
  const dropped = Object.entries(droppedFields).flatMap(([where, fields]) =>
    Object.entries(fields).map(
      ([name, reason]) => `\`${where === 'function' ? 'functions.<name>' : where}.${name}\` (${reason})`
    )
  )
  return `# stack.yml

Made of the tables that the parser itself reads with (\`npm run docs\`).

The file is \`stack.yml\` or \`stack.yaml\` at the root of the repository, or of the folder that is deployed; it is the one of OpenFaaS. What is not understood
is an error with its line and column, on the commit and in the build's log. What is understood and not used is a warning there, never silent.

\`\`\`yaml
${stackExample}\`\`\`

\`\${NAME}\` and \`\${NAME:-default}\` stand for build variables (\`slipway env set --build\`), in every value and key. Scalars are taken as they are written: \`1.0\`,
\`010\` and \`true\` stay text. Anchors, aliases and merge keys work; a key at the root that begins with \`x-\` is a place for them.

## The file

${tableOf(rootFields)}

### \`provider\`

${tableOf(providerFields)}

### \`configuration\`

${tableOf(configurationFields)}

### \`configuration.templates[]\`

${tableOf(templateFields)}

## \`functions.<name>\`

A name has lower-case letters, digits and \`-\`, begins with a letter, and is with its owner's name before it at most 63 characters long: the function \`hello\` of
\`alice\` is \`alice-hello\`. A file has at most ${functionLimit} functions. Of two repositories of one owner the first that has a name keeps it.

${tableOf(functionFields)}

Known and not used, with a warning: ${dropped.join(', ')}.

### \`limits\`, \`requests\`

${tableOf(resourceFields)}

A function that says nothing has ${formatMemory(defaults.memoryBytes)} and ${defaults.cpuMillis}m. More than ${formatMemory(maximum.memoryBytes)} or ${maximum.cpuMillis}m is refused with the number, unless an
administrator set other limits for the owner.

## Labels and annotations

These reach the cluster, others are dropped with a warning: ${listOf(labels)}. Names that begin with \`com.openfaas.cloud.\`, \`com.slipway.\` or \`kubernetes.io/\` are the
platform's own and are refused.

| | default | |
|---|---|---|
| \`com.openfaas.scale.min\`, \`.max\` | ${defaults.replicas.min}, ${defaults.replicas.max} | how many replicas, at most ${maximum.replicas} |
| \`com.openfaas.scale.type\`, \`.target\`, \`.target-proportion\` | rps, ${scaleDefaults.target}, ${scaleDefaults.proportion} | what a replica is to carry: calls a second (\`rps\`) or at a time (\`capacity\`) |
| \`com.openfaas.scale.down.window\` | ${scaleDefaults.downAfterMs / 60_000}m | replicas go when fewer were enough for so long |
| \`com.openfaas.scale.factor\` | ${scaleDefaults.factor} | percent of \`max\` that an alert adds ([openfaas.md](openfaas.md#alerts)); 0: none |
| \`com.openfaas.scale.zero\`, \`.zero-duration\` | false, ${scaleDefaults.zeroAfterMs / 60_000}m | without a call for so long there is no replica; the next call starts one |
| \`topic\`, \`schedule\` | none | with \`topic: cron-function\` it is called by itself when the cron expression says so; several are separated by \`;\` ([write-a-function.md](write-a-function.md#by-a-schedule)) |
| \`schedule.timezone\`, \`schedule.overlap\` | UTC, skip | \`Europe/Berlin\`; \`allow\` calls it also while its former scheduled call is under way |
| \`com.openfaas.ready.http.path\` | \`/_/health\`, or the template's; with the variable \`ready_path\` of of-watchdog \`/_/ready\` | is asked before a new version gets traffic |
| \`com.openfaas.ready.http.initialDelay\`, \`.period\`, \`.timeout\` | 0, 250ms, 1s | seconds (\`.initialDelaySeconds\` and so on are understood as well) or durations |
| \`com.openfaas.ready.http.successThreshold\`, \`.failureThreshold\` | 1, 30 s of failures | so many in a row |

Where \`ready\` says nothing, \`com.openfaas.health.http.…\` counts.

Load scales a function that has one of the labels \`max\`, \`type\`, \`target\` and \`target-proportion\`: up within about five seconds, down after the window, between
\`min\` and \`max\`. Others keep \`min\` replicas. A function with \`zero: true\` has none after its idle time: the first call starts it, and it and all that come meanwhile
are held until it is ready (at most \`START_TIMEOUT_MS\`, then 503). A new version starts one replica, which has to get ready, and idles from then on. What
\`slipway scale\` sets holds until the next version or \`slipway scale <function> auto\`, whatever the load is. A function that has \`factor\`, and neither \`type\`, \`target\` nor
\`target-proportion\`, is scaled by alerts instead of load.

## Build arguments

Let through are ${listOf(buildArguments)}. Others are dropped with a warning.

## Paths

\`handler\`, \`copy\` and \`environment_file\` stay inside the repository, also after links and substitution; what leads out fails the build with its line.
`
}

function tableOf(fields: StackFields): string {
  const rows = Object.entries(fields).map(
    ([name, { takes, about, isRequired }]) => `| \`${name}\` | ${takes}${isRequired ? ', required' : ''} | ${about} |`
  )
  return ['| field | takes | |', '|---|---|---|', ...rows].join('\n')
}

const listOf = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ')
