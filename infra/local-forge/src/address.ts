/** Where the forge answers. Known once it listens, hence asked for with each use. */
export interface Address {
  /** For people and git, without a trailing slash. */
  url: string
  /** For REST, without a trailing slash. */
  apiUrl: string
}
