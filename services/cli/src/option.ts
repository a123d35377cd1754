/** The parser of an option that may be given several times. */
export function collected(value: string, former: string[]): string[] {
  return [...former, value]
}
