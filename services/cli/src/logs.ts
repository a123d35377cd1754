import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { printable } from './table.ts'

export interface LogOptions {
  /** `owner/function`: what it prints while it runs. */
  functionName?: string
  /** A build's id, or `last`. */
  build?: string
  follow: boolean
  tail?: number
}

/** Prints a log, line by line, to `print`. Without a function it is the newest build's. */
export async function logs(
  api: StatusApi,
  options: LogOptions,
  print: (line: string) => void,
  signal: AbortSignal
): Promise<void> {
  const { functionName, build, follow, tail } = options
  if (functionName !== undefined && build === undefined) {
    const [owner, name, ...rest] = functionName.split('/')
    if (owner === undefined || name === undefined || rest.length > 0) {
      throw new Failure('invalid-request', `"${functionName}" is no function: write owner/function`)
    }
    for await (const line of api.runtimeLog(owner, name, { follow, ...(tail === undefined ? {} : { tail }) }, signal)) {
      print(`${new Date(line.at).toISOString()} ${line.instance} ${printable(line.text)}`)
    }
    return
  }
  const id = build === undefined || build === 'last' ? await newest(api) : build
  for await (const { step, functionName: part, text } of api.followLog(id, { follow }, signal)) {
    for (const line of text.split('\n')) print(`${part === null ? step : `${step} ${part}`} | ${printable(line)}`)
  }
}

async function newest(api: StatusApi): Promise<string> {
  const [last] = (await api.listBuilds({ limit: 1 })).items
  if (last === undefined) throw new Failure('not-found', 'there is no build yet: push something')
  return last.id
}
