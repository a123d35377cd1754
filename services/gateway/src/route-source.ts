import type { Routes } from '@slipway/store/routes'

/** What the gateway asks the store for, and nothing else. */
export type RouteSource = Routes

type OpenSource = RouteSource & { close(): Promise<void> }

/** A source that is opened when it is first asked, and again while it cannot be: a gateway may be there before its database. */
export function createRouteSource(open: () => Promise<OpenSource>): OpenSource {
  let opening: Promise<OpenSource> | null = null
  async function opened(): Promise<OpenSource> {
    try {
      return await (opening ??= open())
    } catch (err) {
      opening = null
      throw err
    }
  }
  return {
    routes: async () => (await opened()).routes(),
    keys: async () => (await opened()).keys(),
    routesVersion: async () => (await opened()).routesVersion(),
    installation: async () => (await opened()).installation(),
    async close() {
      await (await opening)?.close()
    }
  }
}
