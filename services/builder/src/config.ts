import {
  commonSettings,
  healthSettings,
  internalSettings,
  isolationSettings,
  keepSettings,
  registrySettings,
  stageSettings,
  waitSettings
} from '@slipway/service'
import Type, { type Static } from 'typebox'

/** Several values, separated by commas. */
const List = (description: string) =>
  Type.String({ default: '', description: `${description} Several, separated by commas.` })

export const BuilderConfig = Type.Object({
  ...commonSettings,
  ...waitSettings,
  ...registrySettings,
  ...isolationSettings,
  ...internalSettings,
  ...healthSettings,
  REGISTRY_LAYOUT: Type.Enum(['nested', 'flat'], {
    default: 'nested',
    description: 'Names of images: `<owner>/<repository>-<function>`, or `flat` for a registry that has one level only.'
  }),
  BASE_NODE: Type.String({
    default: 'docker.io/library/node:24-bookworm-slim',
    description: 'What the built-in template for Node stands on.'
  }),
  BASE_PYTHON: Type.String({
    default: 'docker.io/library/python:3.13-slim-bookworm',
    description: 'The same for Python.'
  }),
  BUILD_SLOTS: Type.Integer({ default: 2, minimum: 1, description: 'Builds that run at a time.' }),
  FUNCTION_SLOTS: Type.Integer({
    default: 2,
    minimum: 1,
    description: 'Functions of one build that are built at a time.'
  }),
  BUILD_TIMEOUT_MS: Type.Integer({
    default: 600_000,
    minimum: 1000,
    description: 'How long the build of one function may take.'
  }),
  GIT_TIMEOUT_MS: Type.Integer({
    default: 300_000,
    minimum: 1000,
    description: 'For one git command: the fetch of a repository, the check-out of a commit.'
  }),
  TEMPLATE_TIMEOUT_MS: Type.Integer({
    default: 300_000,
    minimum: 1000,
    description: 'The same for a template repository.'
  }),
  PUSH_TIMEOUT_MS: Type.Integer({
    default: 600_000,
    minimum: 1000,
    description: 'For one image, from the engine to the registry.'
  }),
  SCHEDULE_MIN_PERIOD_MS: Type.Integer({
    default: 60_000,
    minimum: 1000,
    description: 'A function with a schedule may not be called by it more often; one that would be fails its build.'
  }),
  BUILD_MODE: Type.Enum(['auto', 'buildkit', 'classic'], {
    default: 'auto',
    description: "How images are built: `auto` takes the engine's BuildKit where it has one."
  }),
  BUILD_LOG_LIMIT_BYTES: Type.Integer({
    default: 10 * 1024 * 1024,
    minimum: 1024,
    description: "What is kept of a whole build's log; one image's output is cut at 5 MiB."
  }),
  BUILD_ISOLATION: Type.Enum(['shared', 'strict'], {
    default: 'shared',
    description: 'How builds are kept apart, of owners for whom nothing else is set.'
  }),
  STRICT_MEMORY_MB: Type.Integer({
    default: 2048,
    minimum: 64,
    description: 'For one build in isolation `strict`, all that it runs together.'
  }),
  STRICT_CPU_MILLIS: Type.Integer({ default: 1000, minimum: 50, description: 'The same: thousandths of a processor.' }),
  STRICT_PIDS: Type.Integer({ default: 512, minimum: 16, description: 'The same: processes and threads.' }),
  BUILD_DISK_MB: Type.Integer({
    default: 10_240,
    minimum: 1,
    description: 'For one image with all that it stands on; in isolation `strict` also for what its steps write.'
  }),
  DOCKERFILE_ALLOWED: Type.Boolean({ default: false, description: '`lang: dockerfile` may be used.' }),
  OWN_TEMPLATES_ALLOWED: Type.Boolean({
    default: false,
    description: 'Repositories may bring templates of their own in `template/`.'
  }),
  TEMPLATE_REPOSITORIES: List('Template repositories of the platform, `url[#ref]`.'),
  TEMPLATE_SOURCES: List(
    'What `configuration.templates` may name; `*` at the end stands for anything, `http://` has to be said.'
  ),
  IMAGE_REGISTRIES: List('Registries that `skip_build` may name images of.'),
  ...keepSettings,
  KEEP_MIRRORS_DAYS: Type.Number({
    default: 30,
    minimum: 0,
    description:
      'Mirrors of repositories: those that nobody pushed to for so long go, and the least used ones beyond so much.'
  }),
  KEEP_MIRRORS_MB: Type.Integer({ default: 20_480, minimum: 0, description: 'The same, in all.' }),
  KEEP_UPLOADS: Type.Integer({
    default: 5,
    minimum: 0,
    description: 'Of each folder that is deployed without git so many versions stay, to be built once more.'
  }),
  BUILD_CACHE_MB: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        "What the engine's build cache is cut to. The engine cannot tell whose cache it is: only set it where nobody else builds."
    })
  ),
  MIN_FREE_MB: Type.Optional(
    Type.Integer({
      minimum: 0,
      description:
        'Free space that a build wants on the disks of the state directory and of the engine. Default: 2 GiB, or 5 % of a small disk.'
    })
  ),
  ...stageSettings
})
export type BuilderConfig = Static<typeof BuilderConfig>
