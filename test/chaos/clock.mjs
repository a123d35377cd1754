/**
 * Loaded into every process of a run whose clock is to jump: `Date.now()` and `new Date()` are so many milliseconds ahead of the
 * machine's clock as the file says that CLOCK_FILE names. It is read ten times a second.
 */
import { readFileSync } from 'node:fs'

const RealDate = Date
let offsetMs = 0
function read() {
  try {
    offsetMs = Number(readFileSync(process.env.CLOCK_FILE, 'utf8')) || 0
  } catch {
    offsetMs = 0 // not written yet
  }
}
read()
setInterval(read, 100).unref()

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offsetMs)
    else super(...given)
  }

  static now() {
    return RealDate.now() + offsetMs
  }
}
