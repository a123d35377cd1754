import AjvCompiler from '@fastify/ajv-compiler'
import SerializerSelector from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Compiled = ((...given: unknown[]) => unknown) & { errors?: unknown }
/** What compiles one schema: `fastify` asks for all of them as it starts. */
type Compile = (definition: unknown) => Compiled
type Build = (...given: never[]) => unknown

/**
 * fastify's own compilers of schemas, each asked when its route is first called: hundreds are known, few are used, and what
 * is compiled stays in memory.
 */
export function lazySchemas(): FastifyServerOptions['schemaController'] {
  return { compilersFactory: { buildValidator: lazily(AjvCompiler()), buildSerializer: lazily(SerializerSelector()) } }
}

function lazily<T extends Build>(build: T): T {
  const lazy = (...given: Parameters<T>) => {
    const compile = build(...given) as Compile
    return (definition: unknown) => whenCalled(() => compile(definition))
  }
  return lazy as Build as T
}

function whenCalled(compile: () => Compiled): Compiled {
  let compiled: Compiled | null = null
  const call: Compiled = (...given) => {
    compiled ??= compile()
    return compiled(...given)
  }
  // Where a validator leaves what it found.
  return Object.defineProperty(call, 'errors', { get: () => compiled?.errors })
}
