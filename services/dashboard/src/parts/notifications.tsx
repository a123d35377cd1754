import type { NotificationView } from '@slipway/client'
import { useState } from 'preact/hooks'
import { call } from '../live/call.ts'
import { type Loaded, useLoaded } from '../live/use-loaded.ts'
import type { Tone } from '../words/build.ts'
import { ConfirmButton } from './confirm-button.tsx'
import { ActionForm, Check, Choice, TextField } from './form.tsx'
import { Listing } from './listing.tsx'
import { Section } from './page-head.tsx'
import { ShownOnce } from './shown-once.tsx'
import { Empty } from './states.tsx'
import { Status } from './status.tsx'
import { Ago } from './time.tsx'
import { useAction } from './use-action.ts'

type Topic = NotificationView['topics'][number]

const topics: Record<Topic, string> = {
  failed: 'builds that fail',
  live: 'what goes live',
  'rolled-back': 'rollbacks',
  paused: 'functions that are paused',
  audit: 'every change in the audit log'
}
const kinds = [
  ['webhook', 'a signed webhook'],
  ['slack', 'Slack, or what takes its format']
] as const

/** The same for an owner and for the installation, by other addresses of the API. */
export function OwnerNotifications({ owner }: { owner: string }) {
  return (
    <Notifications
      sinks={useLoaded('listNotifications', { owner })}
      offered={['failed', 'live', 'rolled-back', 'paused']}
      add={(wanted) => call('addNotification', { owner, ...wanted })}
      remove={(id) => call('removeNotification', { owner, id })}
      test={(id) => call('testNotification', { owner, id })}
    />
  )
}

export function AdminNotifications() {
  return (
    <Notifications
      sinks={useLoaded('listAdminNotifications', {})}
      offered={['failed', 'live', 'rolled-back', 'paused', 'audit']}
      add={(wanted) => call('addAdminNotification', wanted)}
      remove={(id) => call('removeAdminNotification', { id })}
      test={(id) => call('testAdminNotification', { id })}
    />
  )
}

interface NotificationsProps {
  sinks: Loaded<{ items: NotificationView[] }>
  offered: readonly Topic[]
  add: (wanted: { kind: 'webhook' | 'slack'; url: string; topics: Topic[] }) => Promise<{ secret: string | null }>
  remove: (id: string) => Promise<{ message: string }>
  test: (id: string) => Promise<{ isDelivered: boolean; reason: string | null }>
}

function Notifications(props: NotificationsProps) {
  const { sinks } = props
  return (
    <>
      <Section title="Tell another address" note="What is told is tried again for hours when nobody answers there.">
        <SinkForm {...props} />
      </Section>
      <Section title="Told now">
        <Listing
          of={sinks}
          empty={
            <Empty title="Nobody is told">
              <p>Give an address above, and a failed build is heard of where you look anyway.</p>
            </Empty>
          }
        >
          {(one) => <SinkRow key={one.id} one={one} {...props} />}
        </Listing>
      </Section>
    </>
  )
}

function SinkForm({ offered, add, sinks }: NotificationsProps) {
  const [kind, setKind] = useState<'webhook' | 'slack'>('webhook')
  const [url, setUrl] = useState('')
  const [chosen, setChosen] = useState<Topic[]>(['failed', 'rolled-back'])
  const [secret, setSecret] = useState<string | null>(null)
  if (secret !== null) {
    return <ShownOnce label="the secret that messages are signed with" text={secret} done={() => setSecret(null)} />
  }
  const choose = (topic: Topic, isChosen: boolean) =>
    setChosen(isChosen ? [...chosen, topic] : chosen.filter((one) => one !== topic))
  return (
    <ActionForm
      label="Tell it"
      busy="Keeping it"
      isDisabled={chosen.length === 0}
      onSubmit={async () => {
        const made = await add({ kind, url, topics: chosen })
        setSecret(made.secret)
        setUrl('')
        sinks.reload()
        return made.secret === null ? 'It is told from now on. Send a test to be sure.' : null
      }}
    >
      <Choice label="By" value={kind} set={setKind} options={kinds} />
      <TextField
        label="Address"
        required
        pattern="https?://.+"
        title="It begins with https://"
        placeholder="https://…"
        maxLength={2000}
        value={url}
        set={setUrl}
      />
      <fieldset class="checks">
        <legend>Of</legend>
        {offered.map((topic) => (
          <Check
            key={topic}
            label={topics[topic]}
            value={chosen.includes(topic)}
            set={(isChosen) => choose(topic, isChosen)}
          />
        ))}
      </fieldset>
    </ActionForm>
  )
}

const tones: Record<NotificationView['last'][number]['status'], { tone: Tone; word: string }> = {
  pending: { tone: 'waiting', word: 'on its way' },
  delivered: { tone: 'good', word: 'arrived' },
  dead: { tone: 'bad', word: 'given up' }
}

function SinkRow({ one, remove, test, sinks }: NotificationsProps & { one: NotificationView }) {
  const { id, kind, host, topics: told, createdBy, createdAt, last } = one
  const { isRunning, run } = useAction()
  const [newest] = last
  const send = () =>
    run(async () => {
      const { isDelivered, reason } = await test(id)
      sinks.reload()
      if (isDelivered) return `${host} took the message.`
      throw new Error(`${host} did not take the message: ${reason ?? 'nobody knows why'}`)
    })
  return (
    <li class="row">
      <div class="row-main">
        <span class="clip">
          <span class="strong">{host}</span>{' '}
          <span class="note">{kind === 'slack' ? 'in Slack’s format' : 'signed webhook'}</span>
        </span>
        <span class="note clip">
          {told.map((topic) => topics[topic]).join(', ')} · by {createdBy} <Ago at={createdAt} />
        </span>
        {newest !== undefined && (
          <span class="note clip">
            <Status tone={tones[newest.status].tone}>{tones[newest.status].word}</Status> <Ago at={newest.createdAt} />:{' '}
            {newest.text}
            {newest.reason !== null && ` (${newest.reason})`}
          </span>
        )}
      </div>
      <div class="actions">
        <button type="button" class="button small" disabled={isRunning} onClick={send}>
          {isRunning ? 'Sending it' : 'Send a test'}
        </button>
        <ConfirmButton
          label="Remove"
          title={`Tell ${host} no more?`}
          confirm="Tell it no more"
          tone="danger"
          onConfirm={async () => {
            const { message } = await remove(id)
            sinks.reload()
            return `${message}.`
          }}
        >
          <p>What is on its way there is not sent any more. The address is not kept.</p>
        </ConfirmButton>
      </div>
    </li>
  )
}
