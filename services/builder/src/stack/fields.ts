/** One field of `stack.yml`: what it takes, and what it does. The parser knows the fields of these tables, and the reference is made of them. */
export interface StackField {
  takes: 'text' | 'true or false' | 'a map' | 'a list' | 'a list of maps' | 'text or a list'
  about: string
  isRequired?: boolean
}
export type StackFields = Readonly<Record<string, StackField>>

export const rootFields = {
  version: { takes: 'text', about: '`1.0`, or not written.' },
  provider: { takes: 'a map', about: 'For tools of OpenFaaS; Slipway needs none of it.' },
  functions: { takes: 'a map', about: 'The functions by their names.', isRequired: true },
  configuration: { takes: 'a map', about: 'What holds for all functions of the file.' }
} as const satisfies StackFields

export const providerFields = {
  name: { takes: 'text', about: '`openfaas`, or the older `faas`.' },
  gateway: { takes: 'text', about: 'Ignored: Slipway has its own.' }
} as const satisfies StackFields

export const configurationFields = {
  templates: {
    takes: 'a list of maps',
    about: 'Template repositories of your own, of sources that the platform allows (`TEMPLATE_SOURCES`).'
  },
  copy: {
    takes: 'a list',
    about: 'Files and folders of the repository that each function gets beside its handler.'
  }
} as const satisfies StackFields

export const templateFields = {
  name: { takes: 'text', about: 'The template that it is listed for; not written: whatever is in it.' },
  source: { takes: 'text', about: 'The address of a git repository, `#ref` at its end.', isRequired: true }
} as const satisfies StackFields

export const functionFields = {
  lang: {
    takes: 'text',
    about:
      'The template: `node`, `python`, `static`, `dockerfile` (where it is allowed), or one of a template repository. Required unless `skip_build`.'
  },
  handler: { takes: 'text', about: "The function's folder in the repository. Required unless `skip_build`." },
  image: {
    takes: 'text',
    about: 'Names the image; registry and tag are ignored. With `skip_build` it is the image that is deployed.'
  },
  skip_build: {
    takes: 'true or false',
    about:
      'Nothing is built: `image` is deployed as it is, by digest, from a registry that the platform allows (`IMAGE_REGISTRIES`).'
  },
  build_args: { takes: 'a map', about: 'Arguments of the build, of those that the platform lets through.' },
  build_options: { takes: 'a list', about: "Names of options in the template's `template.yml`: packages to add." },
  build_secrets: {
    takes: 'a map',
    about: 'Secrets that a build may read, by the id that the Dockerfile mounts them by. Names in Slipway, never paths.'
  },
  platforms: { takes: 'text or a list', about: "The engine's own platform only, `linux/amd64` for example." },
  environment: { takes: 'a map', about: 'Variables of the running function. `write_timeout` limits a call.' },
  environment_file: {
    takes: 'a list',
    about: 'Files of the repository with an `environment` map; `environment` goes over them.'
  },
  secrets: { takes: 'a list', about: 'Names of secrets, which the function reads below `/var/openfaas/secrets`.' },
  labels: { takes: 'a map', about: 'Labels that reach the cluster, of those that the platform lets through.' },
  annotations: { takes: 'a map', about: 'The same; readiness is set by them.' },
  limits: { takes: 'a map', about: 'What the function may use.' },
  requests: { takes: 'a map', about: 'What is kept free for it; not more than `limits`.' },
  constraints: {
    takes: 'a list',
    about: 'Where it may run: `node.platform.os == linux`; on Kubernetes node labels.'
  },
  readonly_root_filesystem: {
    takes: 'true or false',
    about: '`true` by default; `/tmp` can be written to in any case.'
  },
  fprocess: { takes: 'text', about: 'The command that the watchdog of an OpenFaaS template starts.' },
  namespace: { takes: 'text', about: "The owner's name, or not written." }
} as const satisfies StackFields

export const resourceFields = {
  memory: { takes: 'text', about: '`128Mi`, `1Gi`, or a number of bytes.' },
  cpu: { takes: 'text', about: '`500m` or `0.5` processors.' }
} as const satisfies StackFields

const gatewayNote = 'functions are deployed by Slipway, to its own cluster'

/** Known and not used: each is a warning with its reason. */
export const droppedFields = {
  provider: { network: gatewayNote },
  function: { registry_auth: 'the platform signs in to its registries itself' }
} as const

export const namesOf = (fields: StackFields): string[] => Object.keys(fields)
