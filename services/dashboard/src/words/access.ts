import type { AccessView } from '@slipway/client'

/** Who may call, in words. */
export const accessWords: Record<AccessView['access'], string> = {
  public: 'everybody',
  token: 'who has a key',
  owner: 'who has a key of the owner’s own programs'
}

export const accessSources: Record<AccessView['source'], string> = {
  function: 'set here',
  repository: 'set for its repository',
  owner: 'set for all of its owner',
  default: 'as nobody has set otherwise'
}

export type AccessChoice = AccessView['access'] | 'inherited'

export const accessChoices = [
  ['inherited', 'as for its repository and owner'],
  ['public', accessWords.public],
  ['token', accessWords.token],
  ['owner', accessWords.owner]
] as const satisfies readonly (readonly [AccessChoice, string])[]
