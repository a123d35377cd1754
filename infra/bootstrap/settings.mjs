import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as util from 'node:util'

/** The settings of the file that `slipway up` is going to read, as far as this Node understands them; what is wrong in it `up` tells. */
export function settingsOf(home, env) {
  try {
    return util.parseEnv(readFileSync(env.SLIPWAY_CONFIG || join(home, 'slipway.env'), 'utf8'))
  } catch {
    return {} // no file, or a Node that cannot read one: then what is missing is installed
  }
}
