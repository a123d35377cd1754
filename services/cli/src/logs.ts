import type { StatusApi } from '@slipway/client'
import { Failure } from '@slipway/domain'
import { hints, withHints } from './command-context.ts'
import { functionOf } from './owner.ts'
import { printable } from './table.ts'

export interface LogOptions {
  /** `owner/function`, or `function` alone where it is clear whose: what it prints while it runs. */
  functionName?: string
  /** A build's id, or `last`. */
  build?: string
  follow: boolean
  tail?: number
}

/** Prints a log, line by line, to `print`. Without a function it is the newest build's. The directory says whose a function is. */
export async function logs(
  api: StatusApi,
  options: LogOptions,
  directory: string,
  print: (line: string) => void,
  signal: AbortSignal
): Promise<void> {
  const { functionName, build, follow, tail } = options
  if (functionName !== undefined && build === undefined) {
    const { owner, name } = await functionOf(api, functionName, directory)
    const printed = async () => {
      for await (const line of api.runtimeLog(owner, name, { follow, ...(tail === undefined ? {} : { tail }) }, signal))
        print(`${new Date(line.at).toISOString()} ${line.instance} ${printable(line.text)}`)
    }
    return withHints(printed(), hints.function)
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
