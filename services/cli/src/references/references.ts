import { settingsReference } from './settings.ts'

/** The pages that are made of what the code itself reads, by their path in the repository. */
export const references: Readonly<Record<string, () => string>> = {
  'docs/settings.md': settingsReference
}
