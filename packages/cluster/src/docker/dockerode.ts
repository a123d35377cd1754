import { createRequire } from 'node:module'
import type Docker from 'dockerode'

type Require = ReturnType<typeof createRequire>

/**
 * dockerode, without what it loads at once for few: gRPC and Protobuf for builds with BuildKit, an SSH client for engines far away.
 * That is two thirds of its sources and 14 MB of memory. Each is loaded when it is called first.
 */
export function loadDockerode(): typeof Docker {
  const require = createRequire(import.meta.url)
  const fromDockerode = createRequire(require.resolve('dockerode'))
  const fromModem = createRequire(fromDockerode.resolve('docker-modem'))
  deferModule(fromDockerode, './session')
  deferModule(fromModem, './ssh')
  return require('dockerode') as typeof Docker
}

/** Puts a function in a module's place that loads the module, a function as well, when it is called. */
function deferModule(require: Require, name: string): void {
  const path = require.resolve(name)
  if (require.cache[path] !== undefined) return
  const exports = (...args: unknown[]): unknown => {
    // What stands there now is this function.
    if (require.cache[path]?.exports === exports) delete require.cache[path]
    return (require(path) as (...args: unknown[]) => unknown)(...args)
  }
  const placeholder: Partial<NodeJS.Module> = { id: path, filename: path, loaded: true, exports }
  require.cache[path] = placeholder as NodeJS.Module
}
