/** Made of the contract when the page is built: see vite.config.ts. */
declare const builtInRoutes: Record<
  import('@slipway/client').RouteName,
  [method: string, path: string, query: string[], hasBody: boolean, rule: import('@slipway/client').Rule]
>
