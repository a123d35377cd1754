import { type LimitName, limitKinds, limitNames, type OwnerLimits, type OwnLimits } from '@slipway/domain/limits'

export type LimitMode = 'default' | 'none' | 'own'

/** What is chosen in the form for one limit; the number counts with `own`. */
export interface LimitChoice {
  mode: LimitMode
  value: number
}

export type LimitChoices = Record<LimitName, LimitChoice>

/** As it is set now. A number to begin with is what holds, or has to be typed. */
export function choicesOf({ limits, own }: { limits: OwnerLimits; own: OwnLimits }): LimitChoices {
  const entries = limitNames.map((name): [LimitName, LimitChoice] => {
    const set = own[name]
    const value = limits[name] ?? limitKinds[name].least
    return [name, { mode: set === undefined ? 'default' : set === null ? 'none' : 'own', value }]
  })
  return Object.fromEntries(entries) as LimitChoices
}

/** What is sent: only what is not as for everybody. */
export function ownOf(choices: LimitChoices): OwnLimits {
  const set = limitNames.filter((name) => choices[name].mode !== 'default')
  return Object.fromEntries(set.map((name) => [name, choices[name].mode === 'none' ? null : choices[name].value]))
}

const units: Record<string, string> = { m: 'thousandths', MiB: 'MiB', '': '' }

/** `4096 MiB`, `2000 thousandths`, `no limit`. */
export function limitWords(name: LimitName, value: number | null): string {
  if (value === null) return 'no limit'
  return `${value} ${units[limitKinds[name].unit] ?? ''}`.trim()
}
