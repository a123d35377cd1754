import { apiReference } from './api.ts'
import { settingsReference } from './settings.ts'
import { stackReference } from './stack.ts'

/** The pages that are made of what the code itself reads, by their path in the repository. */
export const references: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/api.md': apiReference,
  'docs/settings.md': settingsReference,
  'docs/stack.md': stackReference
}
