/** Both databases keep it as a number. */
export type Flag = 0 | 1
