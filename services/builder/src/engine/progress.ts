/** Reads what the engine says while it builds, line by line, and writes the build's log from it. */
export interface Progress {
  event(event: Record<string, unknown>): void
  /** The step that failed, as the engine names it; null when none did. */
  failedStep(): string | null
}
