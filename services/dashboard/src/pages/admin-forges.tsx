import type { RouteOutput } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { useEvery } from '../live/use-every.ts'
import { type Loaded, useLoaded } from '../live/use-loaded.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { ForgeProblems } from '../parts/forge-problems.tsx'
import { ActionForm, Check, TextField } from '../parts/form.tsx'
import { Section } from '../parts/page-head.tsx'
import { RateLimit } from '../parts/rate-limit.tsx'
import { Empty, Show } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { useAction } from '../parts/use-action.ts'
import { ConnectGitLab } from './connect-gitlab.tsx'

type Forge = RouteOutput<'listForges'>['items'][number]
type Begun = RouteOutput<'connectGitHub'>

/** The forges, what is wrong on the way between them and here, and how GitHub is connected. */
export function AdminForges() {
  const forges = useLoaded('listForges', {}, ({ kind }) => kind === 'delivery')
  const { isRunning, run } = useAction()
  const check = () =>
    run(async () => {
      await call('listForges', { fresh: true })
      forges.reload()
      return null
    })
  const github = forges.data?.items.find(({ kind }) => kind === 'github') ?? null
  const gitlab = forges.data?.items.find(({ kind }) => kind === 'gitlab') ?? null
  return (
    <>
      <Section
        title="Forges"
        note="Address, DNS, TLS, permissions, events and deliveries, as they are seen from here."
        actions={
          <button type="button" class="button small" disabled={isRunning} onClick={check}>
            {isRunning ? 'Asking them' : 'Check now'}
          </button>
        }
      >
        <Show of={forges}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No forge is connected">
                <p>Connect GitHub or a project of GitLab below.</p>
              </Empty>
            ) : (
              items.map((forge) => <ForgeView key={forge.forgeId} forge={forge} />)
            )
          }
        </Show>
      </Section>
      {forges.data !== null && github?.source !== 'settings' && <Connect github={github} forges={forges} />}
      {forges.data !== null && gitlab?.source !== 'settings' && (
        <ConnectGitLab isKept={gitlab !== null} reload={forges.reload} />
      )}
    </>
  )
}

function ForgeView({ forge }: { forge: Forge }) {
  const { forgeId, url, webhookUrl, mode, reason, app, installations, lastDelivery, lastAttempt } = forge
  const { problems, limits, lastError, checkedAt } = forge
  return (
    <div class="forge">
      <h3>
        {forgeId}{' '}
        {problems.length === 0 ? (
          <Status tone="good">Nothing is wrong</Status>
        ) : (
          <Status tone="warning">{`${problems.length} to mend`}</Status>
        )}
        {forge.source === 'connected' && mode === 'webhooks' && <RotateSecret forgeId={forgeId} />}
      </h3>
      <ForgeProblems problems={problems} />
      <Facts>
        <Fact label="At">{url}</Fact>
        <Fact label="How pushes are heard of">
          {mode === 'webhooks' ? 'it delivers them' : <>it is asked every few seconds: {reason}</>}
        </Fact>
        <Fact label="App">
          {app === null ? (
            'none: a token is used'
          ) : (
            <a href={app.settingsUrl} target="_blank" rel="noreferrer">
              {app.slug}
            </a>
          )}
        </Fact>
        <Fact label="Installed at">
          {installations.length === 0
            ? 'nothing is known'
            : installations.map(({ login, isSuspended }) => `${login}${isSuspended ? ' (suspended)' : ''}`).join(', ')}
        </Fact>
        <Fact label="Last delivery that arrived">
          {lastDelivery === null ? (
            'none yet'
          ) : (
            <>
              {lastDelivery.eventName} <Ago at={lastDelivery.receivedAt} />
            </>
          )}
        </Fact>
        <Fact label="Last one that it tried">
          {lastAttempt === null ? (
            'it does not say'
          ) : (
            <>
              {lastAttempt.eventName} <Ago at={lastAttempt.deliveredAt} />:{' '}
              {lastAttempt.statusCode || lastAttempt.status}
            </>
          )}
        </Fact>
        <Fact label="It delivers to">{webhookUrl ?? 'nowhere'}</Fact>
        <Fact label="Rate limit">
          {limits.length === 0
            ? 'it told none lately'
            : limits.map((limit) => (
                <div key={limit.whose}>
                  <RateLimit {...limit} />
                </div>
              ))}
        </Fact>
        <Fact label="Last error of a call">
          {lastError === null ? (
            'none'
          ) : (
            <>
              <Ago at={lastError.at} />: {lastError.message}
            </>
          )}
        </Fact>
        <Fact label="Looked at">
          <Ago at={checkedAt} />
        </Fact>
      </Facts>
    </div>
  )
}

/** Deliveries that are signed with the former one are taken until it is over. */
function RotateSecret({ forgeId }: { forgeId: string }) {
  return (
    <ConfirmButton
      label="Rotate the secret"
      title={`Give the webhooks of ${forgeId} another secret?`}
      confirm="Rotate it"
      onConfirm={async () => {
        const { message, problems } = await call('rotateWebhookSecret', { forge: forgeId })
        return [...problems.map((one) => `${one.message}: ${one.fix}`), message].join('. ')
      }}
    >
      <p>The former one is accepted until each webhook was changed and tried, and for another day. No push is lost.</p>
    </ConfirmButton>
  )
}

/** Makes an App from our manifest. The page stays and tells how far it is. */
function Connect({ github, forges }: { github: Forge | null; forges: Loaded<{ items: Forge[] }> }) {
  const [organization, setOrganization] = useState('')
  const [url, setUrl] = useState('')
  const [isPublic, setPublic] = useState(false)
  const [begun, setBegun] = useState<Begun | null>(null)
  const isAgain = github !== null
  return (
    <Section
      title={isAgain ? 'Connect another App' : 'Connect GitHub'}
      note="GitHub makes an App with the permissions and events that Slipway needs and no others, and you choose its repositories."
    >
      {begun === null ? (
        <ActionForm
          isInline
          label={isAgain ? 'Replace the App' : 'Connect GitHub'}
          busy="Beginning"
          onSubmit={async () => {
            const wanted = {
              isPublic,
              replace: isAgain,
              ...(organization === '' ? {} : { organization }),
              ...(url === '' ? {} : { url })
            }
            setBegun(await call('connectGitHub', wanted))
            return null
          }}
        >
          <TextField
            label="Organisation that it belongs to"
            placeholder="yourself"
            pattern="[A-Za-z0-9][A-Za-z0-9_\-]*"
            value={organization}
            set={setOrganization}
          />
          <TextField
            label="An Enterprise Server’s address"
            placeholder="https://github.com"
            pattern="https?://.+"
            value={url}
            set={setUrl}
          />
          <Check label="others may install it, too" value={isPublic} set={setPublic} />
        </ActionForm>
      ) : (
        <Progress begun={begun} forges={forges} startAgain={() => setBegun(null)} />
      )}
    </Section>
  )
}

const everyMs = 1500

function Progress({
  begun: { id, address, mode, reason },
  forges,
  startAgain
}: {
  begun: Begun
  forges: Loaded<{ items: Forge[] }>
  startAgain: () => void
}) {
  const attempt = useLoaded('getForgeConnection', { id })
  const status = attempt.data?.status ?? 'started'
  const forge = forges.data?.items.find(({ forgeId }) => forgeId === attempt.data?.forgeId) ?? null
  const isInstalled = (forge?.installations.length ?? 0) > 0
  useEvery(status === 'failed' ? null : everyMs, status === 'connected' ? forges.reload : attempt.reload)
  return (
    <div class="stacked">
      <ol class="steps">
        <Step isDone={status === 'connected'} isBad={status === 'failed'} title="The App is made">
          {status === 'failed' ? (
            attempt.data?.reason
          ) : (
            <a class="button primary small" href={address} target="_blank" rel="noreferrer">
              Continue at GitHub
            </a>
          )}
        </Step>
        <Step isDone={status === 'connected' && isInstalled} title="It is installed, and you chose repositories">
          {forge?.app != null && (
            <a href={forge.app.installUrl} target="_blank" rel="noreferrer">
              Install it
            </a>
          )}
        </Step>
        <Step
          isDone={mode === 'polling' || (status === 'connected' && forge?.lastDelivery != null)}
          title="Pushes are heard of"
        >
          {mode === 'polling' && `It is asked every few seconds, for it cannot deliver: ${reason}.`}
        </Step>
      </ol>
      {status === 'failed' && (
        <div>
          <button type="button" class="button small" onClick={startAgain}>
            Begin again
          </button>
        </div>
      )}
    </div>
  )
}

function Step({
  title,
  isDone,
  isBad = false,
  children
}: {
  title: string
  isDone: boolean
  isBad?: boolean
  children?: preact.ComponentChildren
}) {
  const [tone, word] = isBad
    ? (['bad', 'Failed'] as const)
    : isDone
      ? (['good', 'Done'] as const)
      : (['waiting', 'To do'] as const)
  return (
    <li>
      <Status tone={tone}>{word}</Status>
      <span class="strong">{title}</span>
      {!isDone && children !== undefined && <span>{children}</span>}
    </li>
  )
}
