import type { RouteOutput } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { ForgeProblems } from '../parts/forge-problems.tsx'
import { ActionForm, Check, SecretField, TextField } from '../parts/form.tsx'
import { Section } from '../parts/page-head.tsx'

type Connected = RouteOutput<'connectGitLab'>

/** Makes the webhook of one project and has GitLab try it. Called again it does what is left to do. */
export function ConnectGitLab({ isKept, reload }: { isKept: boolean; reload: () => void }) {
  const [project, setProject] = useState('')
  const [token, setToken] = useState('')
  const [url, setUrl] = useState('')
  const [isReplaced, setReplaced] = useState(false)
  const [done, setDone] = useState<Connected | null>(null)
  // The kept token is used, unless another is to take its place.
  const isTokenWanted = !isKept || isReplaced
  return (
    <Section
      title={isKept ? 'Connect another project of GitLab' : 'Connect GitLab'}
      note="Slipway makes the project’s webhook, keeps the token encrypted, and has GitLab try it. Its Maintainer makes such a token, with the scope api."
    >
      <div class="stacked">
        <ActionForm
          isInline
          label="Connect the project"
          busy="GitLab tries it"
          onSubmit={async () => {
            const wanted = {
              project: project.trim(),
              replace: isReplaced,
              ...(isTokenWanted ? { token: token.trim() } : {}),
              ...(url.trim() === '' ? {} : { url: url.trim() })
            }
            setDone(null)
            setDone(await call('connectGitLab', wanted))
            setToken('')
            reload()
            return null
          }}
        >
          <TextField
            label="Project, by its whole path"
            placeholder="group/project"
            pattern="[^\/\s]+(\/[^\/\s]+)+"
            title="group/project"
            required
            value={project}
            set={setProject}
          />
          {isTokenWanted && <SecretField label="Token" value={token} set={setToken} />}
          <TextField
            label="A GitLab of your own"
            placeholder="https://gitlab.com"
            pattern="https?://.+"
            value={url}
            set={setUrl}
          />
          {isKept && (
            <Check label="with another token than the one that is kept" value={isReplaced} set={setReplaced} />
          )}
        </ActionForm>
        {done !== null && <Done done={done} />}
      </div>
    </Section>
  )
}

function Done({
  done: { project, account, hook, webhookUrl, isDelivered, mode, reason, problems }
}: {
  done: Connected
}) {
  return (
    <div class="stacked" role="status">
      <p>
        <strong>{project}</strong> is known by the token of {account}.{' '}
        {hook !== null && `Its webhook is ${hook}: pushes, tags and merge requests go to ${webhookUrl}. `}
        {mode === 'polling' && `It is asked every few seconds, for it cannot deliver: ${reason}. `}
        {problems.length > 0
          ? 'Once that is mended, connect it again:'
          : mode === 'webhooks' &&
            (isDelivered ? 'GitLab tried it, and the delivery came.' : 'There is nothing to deliver yet: push.')}
      </p>
      <ForgeProblems problems={problems} />
    </div>
  )
}
