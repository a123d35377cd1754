import { Failure } from '@slipway/domain'
import type { ClusterLogger } from '../logger.ts'
import { isHeardEverywhere, takenMessage } from './gateway-port.ts'
import { createHostProgram, isAbsent, reasonOf } from './host-program.ts'
import { bridgePrefix } from './owner-bridge.ts'
import { guardPool } from './pool-guard.ts'

export interface FirewallOptions {
  mode: 'on' | 'off'
  /** The functions' network pool: `10.201.0.0/16`. A gateway listens on its bridges' own addresses. */
  pool: string
  /** Port of the gateway on the bridges' addresses; null when it does not listen there. */
  gatewayPort: number | null
  /** DNS servers that functions may ask although their addresses are private. */
  resolvers: readonly string[]
  logger: ClusterLogger
}

/** `isOk: false` carries why functions are not kept apart from the host, and what to do. */
export interface FirewallState {
  isOk: boolean
  detail: string
}

/**
 * Keeps functions from the host, from private networks and from each other's, and what is sent to a function on the host.
 * The rules are shared by all installations.
 */
export interface Firewall {
  /** Sees to it that the rules are there. @throws Failure `unavailable` when they should be and cannot. */
  assert(signal: AbortSignal): Promise<FirewallState>
}

type Rule = readonly string[]

const run = createHostProgram('iptables')
const iptables = (args: readonly string[]) => run(['-w', '10', ...args])

const inputChain = 'SLIPWAY-INPUT'
const forwardChain = 'SLIPWAY-FORWARD'
const fromBridges: Rule = ['-i', `${bridgePrefix}+`]

/** RFC 1918, RFC 6598, link-local with the cloud's metadata address, and "this network". */
const closedRanges = ['169.254.0.0/16', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '0.0.0.0/8']

interface Chain {
  table: 'filter' | 'mangle'
  name: string
  /** The chain that leads to it. */
  parent: string
  /** Go to the top: what each installation lets through. */
  openings: Rule[]
  /** Go to the end, and are the same for all. */
  closings: Rule[]
}

export function createFirewall(options: FirewallOptions): Firewall {
  const { mode, pool, gatewayPort, logger } = options
  let known: string | null = null
  let asserting: Promise<FirewallState> | null = null
  let hasWarned = false
  let isGatewayOpen: boolean | null = null

  async function assert(): Promise<FirewallState> {
    if (mode === 'off') return { isOk: false, detail: 'the host firewall is switched off by configuration' }
    if (process.getuid?.() !== 0) {
      return { isOk: false, detail: 'rules can only be set by root: run the deployer as root to keep functions apart' }
    }
    const [rules, guard] = await Promise.all([assertRules(), guarded(pool)])
    return rules.isOk ? guard : rules
  }

  async function assertRules(): Promise<FirewallState> {
    try {
      const isOpen = gatewayPort !== null && !(await isHeardEverywhere(gatewayPort))
      if ((await ourRules()) === known && known !== null && isOpen === isGatewayOpen) return inPlace
      if (gatewayPort !== null && !isOpen) await closeGateway(gatewayPort)
      for (const chain of chainsFor(options, isOpen)) await assertChain(chain)
      isGatewayOpen = isOpen
      known = await ourRules()
      return inPlace
    } catch (err) {
      if (isAbsent(err)) return { isOk: false, detail: 'iptables is not installed: install it to keep functions apart' }
      throw new Failure(
        'unavailable',
        `the host firewall could not be set (${reasonOf(err)}): mend it, or switch it off by configuration`,
        { cause: err }
      )
    }
  }

  /** What is heard on every address is not the gateway, and functions are to reach nothing else of the host. */
  async function closeGateway(port: number): Promise<void> {
    const opening = gatewayOpening(pool, port)
    while (await succeeds(['-C', inputChain, ...opening])) await iptables(['-D', inputChain, ...opening])
    if (isGatewayOpen !== false) logger.warn({ port }, takenMessage(port))
  }

  return {
    async assert(signal) {
      signal.throwIfAborted()
      asserting ??= assert().finally(() => {
        asserting = null
      })
      const state = await asserting
      if (!state.isOk && !hasWarned) logger.warn({ reason: state.detail }, 'functions are not kept apart from the host')
      hasWarned ||= !state.isOk
      return state
    }
  }
}

const inPlace: FirewallState = { isOk: true, detail: 'rules are in place' }

/** Less than a firewall that does not hold: roll-outs go on without it. */
async function guarded(pool: string): Promise<FirewallState> {
  try {
    await guardPool(pool)
    return inPlace
  } catch (err) {
    const detail = `what is sent to a function that is gone may leave this host (${reasonOf(err)}): install iproute2, and have a kernel with policy routing`
    return { isOk: false, detail }
  }
}

function gatewayOpening(pool: string, port: number): Rule {
  return ['-d', pool, '-p', 'tcp', '--dport', String(port), '-j', 'ACCEPT']
}

function chainsFor({ pool, gatewayPort, resolvers }: FirewallOptions, isGatewayOpen: boolean): Chain[] {
  const ipv4Resolvers = resolvers.filter((address) => !address.includes(':'))
  const dns = (target: string) =>
    ipv4Resolvers.flatMap((address) =>
      ['udp', 'tcp'].map((protocol) => ['-d', `${address}/32`, '-p', protocol, '--dport', '53', '-j', target])
    )
  const gateway = gatewayPort === null || !isGatewayOpen ? [] : [gatewayOpening(pool, gatewayPort)]
  const forward: Omit<Chain, 'table' | 'parent'> = {
    name: forwardChain,
    // Calls within one bridge pass here where the kernel filters bridged packets.
    openings: [['-m', 'physdev', '--physdev-is-bridged', '-j', 'RETURN'], ...dns('RETURN')],
    closings: closedRanges.map((range) => ['-d', range, '-j', 'DROP'])
  }
  return [
    {
      table: 'filter',
      name: inputChain,
      parent: 'INPUT',
      openings: [...gateway, ...dns('ACCEPT')],
      // Answers to what the host itself began are let through.
      closings: [['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'DROP']]
    },
    { table: 'filter', parent: 'DOCKER-USER', ...forward },
    // Whenever a network is made the engine's own rules, which let everything out, stand before DOCKER-USER for a moment.
    { table: 'mangle', parent: 'FORWARD', ...forward }
  ]
}

/** The way into the chain comes last, when it is whole. */
async function assertChain({ table, name, parent, openings, closings }: Chain): Promise<void> {
  const at = (...args: string[]) => ['-t', table, ...args]
  if (!(await succeeds(at('-n', '-L', name)))) await iptables(at('-N', name)).catch(unlessExists)
  for (const rule of closings) if (!(await succeeds(at('-C', name, ...rule)))) await iptables(at('-A', name, ...rule))
  for (const rule of openings)
    if (!(await succeeds(at('-C', name, ...rule)))) await iptables(at('-I', name, '1', ...rule))
  const jump = [...fromBridges, '-j', name]
  if (!(await succeeds(at('-C', parent, ...jump)))) await iptables(at('-I', parent, '1', ...jump))
}

/** All that concerns us, as iptables prints it: while it does not change there is nothing to do. */
async function ourRules(): Promise<string> {
  const all = await Promise.all(['filter', 'mangle'].map((table) => iptables(['-t', table, '-S'])))
  return all
    .flatMap((each) => each.split('\n'))
    .filter((line) => line.includes(inputChain) || line.includes(forwardChain))
    .join('\n')
}

async function succeeds(args: readonly string[]): Promise<boolean> {
  try {
    await iptables(args)
    return true
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 1) return false // iptables(8): the rule or chain is not there
    throw err
  }
}

async function unlessExists(err: unknown): Promise<void> {
  if (!reasonOf(err).includes('exists')) throw err
}
