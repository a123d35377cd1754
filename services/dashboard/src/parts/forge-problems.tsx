import type { ForgeProblem } from '@slipway/client'

const titles: Record<ForgeProblem['what'], string> = {
  forge: 'The forge does not answer',
  credentials: 'The forge refuses the App',
  permissions: 'Permissions',
  events: 'Events',
  installation: 'Installation',
  hook: 'Webhook',
  secret: 'Webhook secret',
  address: 'Address',
  dns: 'DNS',
  tls: 'TLS',
  delivery: 'Delivery'
}

/** What is wrong between a forge and here: which part, what of it, and what to do. */
export function ForgeProblems({ problems }: { problems: readonly ForgeProblem[] }) {
  if (problems.length === 0) return null
  return (
    <ul class="problem tone-warning faults">
      {problems.map(({ what, message, fix }) => (
        <li key={`${what} ${message}`}>
          <strong>{titles[what]}</strong>
          <p>{message}.</p>
          <p class="note">What to do: {fix}.</p>
        </li>
      ))}
    </ul>
  )
}
