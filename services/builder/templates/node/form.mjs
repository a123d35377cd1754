// Forms and queries with brackets: a[b]=1&a[c][]=2 is { a: { b: '1', c: ['2'] } }.
import { RequestError } from './request-error.mjs'

const depthLimit = 20
const parameterLimit = 1000
/** A larger index is a name: nobody should be able to ask for a long list by one number. */
const indexLimit = 100

export function parseNested(text) {
  const parameters = [...new URLSearchParams(text)]
  if (parameters.length > parameterLimit) throw new RequestError(413, `more than ${parameterLimit} parameters`)
  const result = {}
  for (const [name, value] of parameters) {
    const path = pathOf(name)
    if (!path.some((part) => part === '__proto__')) insert(result, path, value)
  }
  return lists(result)
}

/** `a[b][]` is a, b, ''. What is not balanced is a plain name. */
function pathOf(name) {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(name)
  if (match === null) return [name]
  const parts = [...match[2].matchAll(/\[([^[\]]*)\]/g)].map(([, part]) => part)
  return parts.length > depthLimit ? [name] : [match[1], ...parts]
}

function insert(target, path, value) {
  let here = target
  for (const [index, part] of path.entries()) {
    const key = part === '' ? String(Object.keys(here).length) : part
    const isLast = index === path.length - 1
    const there = Object.hasOwn(here, key) ? here[key] : undefined
    if (isLast) {
      here[key] = there === undefined ? value : [there, value].flat()
      return
    }
    if (there === null || typeof there !== 'object' || Array.isArray(there)) here[key] = {}
    here = here[key]
  }
}

/** Maps whose keys are small numbers, or count from 0, are lists; what is missing between them is left out. */
function lists(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, item]) => [key, lists(item)])
  const isList = entries.length > 0 && entries.every(([key], index) => key === String(index) || isIndex(key))
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

function isIndex(key) {
  return /^(?:0|[1-9]\d{0,2})$/.test(key) && Number(key) <= indexLimit
}
