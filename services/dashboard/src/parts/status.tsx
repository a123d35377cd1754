import type { BuildView } from '@slipway/client'
import { buildTone, buildWord, type Tone } from '../words/build.ts'

/** A mark and a word: colour alone says nothing to some. */
export function Status({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span class={`status tone-${tone}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  )
}

export function BuildState({ status }: { status: BuildView['status'] }) {
  return <Status tone={buildTone(status)}>{buildWord(status)}</Status>
}
