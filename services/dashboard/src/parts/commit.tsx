import { shortCommit } from '../words/build.ts'

export function Commit({ commit, url }: { commit: string; url?: string | null }) {
  const text = <code class="commit">{shortCommit(commit)}</code>
  if (url == null) return <span title={commit}>{text}</span>
  return (
    <a href={url} title={`${commit} at the forge`} target="_blank" rel="noreferrer" class="commit-link">
      {text}
    </a>
  )
}
