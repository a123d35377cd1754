import { Failure, isDnsLabel } from '@slipway/domain'
import type { FunctionDeployment } from './shapes.ts'

/** What stands where a folder's name stands for one function that is deployed as an image: no folder that people send is so called by chance. */
export function imageFolderName(functionName: string): string {
  return `image.${functionName}`
}

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

function isEmpty(value: object | null | undefined): boolean {
  return value === null || value === undefined || Object.keys(value).length === 0
}

function resources(name: 'limits' | 'requests', wanted: FunctionDeployment['limits']) {
  const { memory = '', cpu = '' } = wanted ?? {}
  const said = { ...(memory === '' ? {} : { memory }), ...(cpu === '' ? {} : { cpu }) }
  return isEmpty(said) ? {} : { [name]: said }
}
