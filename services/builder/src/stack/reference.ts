// What the reference of stack.yml is made of.
export * from './fields.ts'
export { parseStack } from './parse.ts'
export { defaultPolicy } from './policy.ts'
export { formatMemory } from './quantity.ts'
