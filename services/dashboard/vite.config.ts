import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { routes } from '@slipway/client'
import { defineConfig, type Plugin } from 'vite'

/**
 * The contract as the page needs it: method, path, the names of the query, whether there is a body, and who may. Its schemas check on the
 * server; in the page they would be more than all the rest.
 */
const contract = Object.entries(routes).map(([name, route]) => {
  const query = 'query' in route ? Object.keys(route.query.properties) : []
  return [name, [route.method, route.path, query, 'body' in route, route.rule]] as const
})

/** Compressed once, here, instead of with every answer. */
function compressed(): Plugin {
  return {
    name: 'slipway-compressed',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (!/\.(?:js|css|svg)$/.test(file.fileName)) continue
        const source = brotliCompressSync(file.type === 'chunk' ? file.code : file.source)
        this.emitFile({ type: 'asset', fileName: `${file.fileName}.br`, source })
      }
    }
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [compressed()],
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
