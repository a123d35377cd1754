import { InvalidArgumentError } from 'commander'

/** The parser of an option that may be given several times. */
export function collected(value: string, former: string[]): string[] {
  return [...former, value]
}

/** The parser of a whole number. @throws commander's error, which is a wrong usage */
export function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= min && number <= max) return number
    throw new InvalidArgumentError(`write a whole number from ${min} to ${max}.`)
  }
}
