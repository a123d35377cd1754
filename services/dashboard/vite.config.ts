import { fileURLToPath } from 'node:url'
import { routes } from '@slipway/client'
import { defineConfig } from 'vite'

/**
 * The contract as the page needs it: method, path, the names of the query, and whether there is a body. Its schemas check on the
 * server; in the page they would be more than all the rest.
 */
const contract = Object.entries(routes).map(([name, route]) => {
  const query = 'query' in route ? Object.keys(route.query.properties) : []
  return [name, [route.method, route.path, query, 'body' in route]] as const
})

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  define: { builtInRoutes: JSON.stringify(Object.fromEntries(contract)) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    // Inlined images would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false
  }
})
