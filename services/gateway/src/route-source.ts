import type { Functions, Store } from '@slipway/domain'

/** What the gateway asks the store for, and nothing else. */
export type RouteSource = Pick<Functions, 'routes' | 'routesVersion'>

/**
 * Routes from a store that is opened when it is first asked, and again while it cannot be opened:
 * a gateway may be there before its database.
 */
export function createRouteSource(open: () => Promise<Store>): RouteSource & { close(): Promise<void> } {
  let opening: Promise<Store> | null = null
  async function opened(): Promise<Functions> {
    try {
      return (await (opening ??= open())).functions
    } catch (err) {
      opening = null
      throw err
    }
  }
  return {
    routes: async () => (await opened()).routes(),
    routesVersion: async () => (await opened()).routesVersion(),
    async close() {
      await (await opening)?.close()
    }
  }
}
