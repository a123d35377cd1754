export interface Settings {
  get(key: string): Promise<string | null>
  /** Sets it unless it is set; returns what is set then. For what is made once: the installation's id, a token. */
  ensure(key: string, value: string): Promise<string>
  set(key: string, value: string): Promise<void>
  /** One holder at a time for work that must not run twice (dispatching, reporting). True while held by `holder`. */
  lease(name: string, holder: string, leaseMs: number, now: number): Promise<boolean>
}
