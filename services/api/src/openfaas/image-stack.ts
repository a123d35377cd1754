import { Failure, isDnsLabel } from '@slipway/domain'
import Value from 'typebox/value'
import { FunctionDeployment } from './shapes.ts'

const reference = /^[a-z0-9][a-z0-9._\-/:]{0,254}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/

/**
 * The `stack.yml` of a function whose image is there already. What the request says goes through the one reader and the one policy
 * that a pushed file goes through; JSON is YAML.
 *
 * @throws Failure `invalid-request` for what can be told from the request alone
 */
export function stackOfImage(wanted: FunctionDeployment): string {
  const { service, image, envVars, envProcess, constraints, secrets, labels, annotations } = wanted
  if (!isDnsLabel(service)) {
    throw new Failure(
      'invalid-request',
      `${JSON.stringify(service)} cannot be the name of a function: use lower-case letters, digits and "-", beginning with a letter`
    )
  }
  if (!reference.test(image)) {
    throw new Failure('invalid-request', `${JSON.stringify(image)} is not the reference of an image`)
  }
  const fn = {
    skip_build: true,
    image,
    ...(envProcess === undefined || envProcess === '' ? {} : { fprocess: envProcess }),
    ...(isEmpty(envVars) ? {} : { environment: envVars }),
    ...(isEmpty(constraints) ? {} : { constraints }),
    ...(isEmpty(secrets) ? {} : { secrets }),
    ...(isEmpty(labels) ? {} : { labels }),
    ...(isEmpty(annotations) ? {} : { annotations }),
    ...resources('limits', wanted.limits),
    ...resources('requests', wanted.requests),
    ...(wanted.readOnlyRootFilesystem === true ? { readonly_root_filesystem: true } : {})
  }
  const stack = { version: '1.0', provider: { name: 'openfaas' }, functions: { [service]: fn } }
  // Whoever sent it has put its variables in already: what is left is meant as it stands.
  return `${JSON.stringify(stack, null, 1).replaceAll('${', () => '$${')}\n`
}

/** What was asked for, by the stack that it became; null: this is no such stack, somebody sent it as a folder. */
export function requestOfStack(text: string, name: string): FunctionDeployment | null {
  const stack = parsed(text.replaceAll('$${', () => '${')) as { functions?: Record<string, Record<string, unknown>> }
  const { image, fprocess, environment, readonly_root_filesystem, ...rest } = stack?.functions?.[name] ?? {}
  const request = {
    service: name,
    image,
    ...rest,
    ...(fprocess === undefined ? {} : { envProcess: fprocess }),
    ...(environment === undefined ? {} : { envVars: environment }),
    readOnlyRootFilesystem: readonly_root_filesystem === true
  }
  return Value.Check(FunctionDeployment, request) ? request : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    if (err instanceof SyntaxError) return null
    throw err
  }
}

function isEmpty(value: object | null | undefined): boolean {
  return value === null || value === undefined || Object.keys(value).length === 0
}

function resources(name: 'limits' | 'requests', wanted: FunctionDeployment['limits']) {
  const { memory = '', cpu = '' } = wanted ?? {}
  const said = { ...(memory === '' ? {} : { memory }), ...(cpu === '' ? {} : { cpu }) }
  return isEmpty(said) ? {} : { [name]: said }
}
