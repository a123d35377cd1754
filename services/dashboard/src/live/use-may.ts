import { useMemo } from 'preact/hooks'
import { ruleOf } from './call.ts'
import { createMay, type May } from './may.ts'
import { useMe } from './use-me.ts'

/** Which calls the server would let through for who is signed in: what would be refused is not offered. */
export function useMay(): May {
  const me = useMe()
  return useMemo(() => createMay(me, ruleOf), [me])
}
