import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Cluster, Endpoint } from '@slipway/domain'
import { freePort } from '@slipway/machine'
import { type DeploymentChange, deploymentOf } from '@slipway/testing'
import { labels } from '../labels.ts'
import { fetchJson, type Ground, openGround } from './contract-ground.fixture.ts'

const run = promisify(execFile)
const signal = () => AbortSignal.timeout(60_000)

void describe('what a function on the docker cluster may do', () => {
  let ground: Ground
  let cluster: Cluster
  before(async () => {
    ground = await openGround()
    cluster = ground.cluster()
  })
  after(() => ground.close())

  /** Starts a function, and has it taken away again. */
  async function start(change: DeploymentChange = {}, on = cluster): Promise<Endpoint & AsyncDisposable> {
    const deployment = deploymentOf({ image: ground.image, ...change })
    const [endpoint] = await on.apply(deployment, signal())
    assert.ok(endpoint)
    return { ...endpoint, [Symbol.asyncDispose]: () => on.remove(deployment.id, 0, signal()) }
  }
  const dial = async (from: Endpoint, host: string, port: number) =>
    (await fetchJson(from, `/dial?host=${host}&port=${port}`)).outcome

  test('it is nobody special: no root, no capability, no way to gain one', async () => {
    await using endpoint = await start()
    const { uid, gid, capabilities, noNewPrivileges } = await fetchJson(endpoint, '/about')
    const none = '0000000000000000'
    assert.deepEqual([uid, gid, noNewPrivileges], [10_001, 10_001, true])
    assert.deepEqual(capabilities, { effective: none, permitted: none, bounding: none })
  })

  test('the user that its image names is kept, unless it is root under another name', async () => {
    const users = { 'USER function': [1000, 1000], 'USER 1234:5678': [1234, 5678], 'USER sneaky': [10_001, 10_001] }
    for (const [instruction, expected] of Object.entries(users)) {
      await using endpoint = await start({ image: await ground.variant(instruction) })
      const { uid, gid } = await fetchJson(endpoint, '/about')
      assert.deepEqual([uid, gid], expected, instruction)
    }
  })

  test('it writes nowhere but in /tmp, and there not without end', async () => {
    const limits = { memoryBytes: 1024 ** 3, cpuMillis: 1000 } // what is in memory counts, files in /tmp included
    const image = await ground.variant('VOLUME /data')
    await using endpoint = await start({ image, spec: { limits, hasReadonlyRoot: true } })
    assert.equal((await fetchJson(endpoint, '/write?path=/note')).error, 'EROFS')
    assert.equal((await fetchJson(endpoint, '/write?path=/tmp/note&mib=10')).written, '/tmp/note')
    assert.equal((await fetchJson(endpoint, '/write?path=/tmp/big&mib=65')).error, 'ENOSPC')
    // A volume of its image is room in memory with the same limit, not on the host's disk.
    assert.equal((await fetchJson(endpoint, '/write?path=/data/note')).written, '/data/note')
    assert.equal((await fetchJson(endpoint, '/write?path=/data/big&mib=65')).error, 'ENOSPC')
    assert.deepEqual((await containerAt(endpoint)).Mounts, [])
  })

  test('a fork bomb stays inside, and its neighbour answers', async () => {
    const limits = { memoryBytes: 1024 ** 3, cpuMillis: 1000 }
    await using bomb = await start({ spec: { limits } })
    await using neighbour = await start({ functionName: 'neighbour' })
    const { alive, refused } = await fetchJson(bomb, '/fork?count=100')
    assert.ok(Number(refused) > 0, 'nothing was refused')
    assert.ok(Number(alive) < 60, `${String(alive)} of 100 processes lived`)
    assert.ok('uid' in (await fetchJson(neighbour, '/about')))
  })

  test('with more memory than its limit it is killed, and started again', async () => {
    await using endpoint = await start()
    await assert.rejects(fetchJson(endpoint, '/eat?mib=400'))
    const container = await containerAt(endpoint)
    assert.equal(container.HostConfig.Memory, container.HostConfig.MemorySwap)
    for (let tries = 0; ; tries++) {
      const { RestartCount } = await containerAt(endpoint)
      if (RestartCount > 0) break
      assert.ok(tries < 200, 'it was not started again')
    }
  })

  test('it has its environment, and labels that nobody can imitate', async () => {
    await using endpoint = await start({
      labels: { topic: 'orders', [labels.owner]: 'mallory' },
      annotations: { note: 'kept', [labels.installation]: 'mallory' },
      image: await ground.variant(`LABEL ${labels.deployment}=mallory`),
      spec: { environment: { GREETING: 'a=b c' }, fprocess: 'node index.js' }
    })
    const { environment } = await fetchJson(endpoint, '/about')
    assert.ok(typeof environment === 'object' && environment !== null && 'GREETING' in environment)
    assert.deepEqual(
      [environment.GREETING, 'fprocess' in environment && environment.fprocess],
      ['a=b c', 'node index.js']
    )
    const { Labels } = (await containerAt(endpoint)).Config
    assert.deepEqual([Labels.topic, Labels.note], ['orders', 'kept'])
    assert.deepEqual([Labels[labels.owner], Labels[labels.installation]], ['alice', ground.installation])
    assert.notEqual(Labels[labels.deployment], 'mallory')
  })

  void describe('whom it reaches', () => {
    test("functions of its owner, and not another owner's", async () => {
      await using own = await start()
      await using sibling = await start({ functionName: 'sibling' })
      await using stranger = await start({ ownerSlug: 'mallory' })
      assert.equal(await dial(own, sibling.host, 8080), 'open')
      assert.equal(await dial(own, stranger.host, 8080), 'timeout')
      assert.equal(await dial(stranger, own.host, 8080), 'timeout')
    })

    test('nothing of the host, on none of its addresses, but the port of its gateway', async () => {
      await using secret = await listen()
      const port = await freePort()
      const on = ground.cluster({ gatewayPort: port })
      try {
        await using endpoint = await start({}, on)
        const bridge = endpoint.host.replace(/\d+$/, (last) => String(Number(last) - (Number(last) % 64) + 1))
        await using _gateway = await listen(bridge, port)
        for (const name of ['gateway', 'gateway.openfaas', 'gateway.openfaas.svc.cluster.local', bridge])
          assert.equal(await dial(endpoint, name, port), 'open', name)
        assert.equal(await dial(endpoint, bridge, secret.port), 'timeout')
        await Promise.all(
          hostAddresses().map(async (address) => {
            assert.equal(await dial(endpoint, address, secret.port), 'timeout', address)
          })
        )
      } finally {
        await deleteRule('SLIPWAY-INPUT', ['-p', 'tcp', '--dport', String(port), '-j', 'ACCEPT'])
      }
    })

    test('not the port of its gateway either where another program is heard on every address', async () => {
      const port = await freePort()
      const on = ground.cluster({ gatewayPort: port })
      try {
        await using endpoint = await start({}, on)
        await using other = await listen('0.0.0.0', port)
        await using second = await start({ functionName: 'second' }, on)
        const bridge = endpoint.host.replace(/\d+$/, (last) => String(Number(last) - (Number(last) % 64) + 1))
        for (const from of [endpoint, second]) assert.equal(await dial(from, bridge, other.port), 'timeout')
        const finding = (await on.check(signal())).find(({ name }) => name === 'calls between functions')
        assert.deepEqual([finding?.isOk, finding?.detail.includes(`port ${port} of all addresses`)], [false, true])
      } finally {
        await deleteRule('SLIPWAY-INPUT', ['-p', 'tcp', '--dport', String(port), '-j', 'ACCEPT'])
      }
    })

    test('no private and no link-local address beyond the host, but its DNS server there, and everything public', async () => {
      await using beyond = await createBeyond()
      const on = ground.cluster({ resolvers: [beyond.private] })
      try {
        await using endpoint = await start({}, on)
        assert.equal(await dial(endpoint, beyond.public, 80), 'open')
        assert.equal(await dial(endpoint, beyond.private, 80), 'timeout')
        assert.equal(await dial(endpoint, beyond.linkLocal, 80), 'timeout')
        assert.equal(await dial(endpoint, beyond.private, 53), 'open')
      } finally {
        for (const protocol of ['udp', 'tcp']) {
          const rule = ['-p', protocol, '--dport', '53', '-j']
          await deleteRule('SLIPWAY-FORWARD', ['-d', `${beyond.private}/32`, ...rule, 'RETURN'])
          await deleteRule('SLIPWAY-INPUT', ['-d', `${beyond.private}/32`, ...rule, 'ACCEPT'])
        }
      }
    })

    test('no private address either while the engine puts its own rules before those for users', async () => {
      await using beyond = await createBeyond()
      await using endpoint = await start()
      const jump = ['FORWARD', '-i', 'slw+', '-j', 'ACCEPT']
      await run('iptables', ['-w', '-I', ...jump])
      try {
        assert.equal(await dial(endpoint, beyond.public, 80), 'open')
        assert.equal(await dial(endpoint, beyond.private, 80), 'timeout')
        assert.equal(await dial(endpoint, beyond.linkLocal, 80), 'timeout')
      } finally {
        await run('iptables', ['-w', '-D', ...jump])
      }
    })

    test('rules that somebody removed are back with the next roll-out', async () => {
      await using listener = await listen()
      await start().then((endpoint) => endpoint[Symbol.asyncDispose]())
      await run('iptables', ['-w', '-D', 'INPUT', '-i', 'slw+', '-j', 'SLIPWAY-INPUT'])
      await using endpoint = await start()
      const [address = ''] = hostAddresses()
      assert.equal(await dial(endpoint, address, listener.port), 'timeout')
    })
  })

  test('what is sent to a function that is gone does not leave the host', async () => {
    // A pool of its own: others may be at work in the usual one.
    const pool = '10.203.0.0/20'
    const on = ground.cluster({ networkPool: pool })
    const deleteRules = async () => {
      for (const preference of ['20201', '20200'])
        await run('ip', ['rule', 'del', 'to', pool, 'preference', preference])
    }
    try {
      const first = await start({}, on)
      assert.equal(await outcomeOf(first), 'open')
      await first[Symbol.asyncDispose]()
      assert.equal(await outcomeOf(first), 'ENETUNREACH')
      await deleteRules()
      await using again = await start({}, on)
      assert.equal(await outcomeOf(again), 'open')
      assert.equal(await outcomeOf({ ...again, host: addressBeside(again) }), 'ENETUNREACH')
    } finally {
      await deleteRules()
    }
  })

  test('the checks prove it by a container, and leave nothing', async () => {
    const findings = Object.fromEntries((await cluster.check(signal())).map((finding) => [finding.name, finding]))
    for (const name of ['engine', 'limits', 'isolation'])
      assert.equal(findings[name]?.isOk, true, findings[name]?.detail)
    assert.match(findings.isolation?.detail ?? '', /probe container could not reach this host/)
    const filters = { label: [`${labels.installation}=${ground.installation}`] }
    assert.deepEqual(await ground.docker.listContainers({ all: true, filters }), [])
    assert.deepEqual(await ground.docker.listNetworks({ filters }), [])
  })

  test('without the firewall the checks say so', async () => {
    const findings = await ground.cluster({ firewall: 'off' }).check(signal())
    const isolation = findings.find(({ name }) => name === 'isolation')
    assert.equal(isolation?.isOk, false)
    assert.match(isolation?.detail ?? '', /switched off by configuration/)
  })

  async function containerAt({ host }: Endpoint) {
    const filters = { label: [`${labels.address}=${host}`, `${labels.installation}=${ground.installation}`] }
    const [found] = await ground.docker.listContainers({ all: true, filters })
    assert.ok(found)
    return await ground.docker.getContainer(found.Id).inspect()
  }
})

/** A listener of our own, on every address of the host if none is named. */
async function listen(host = '0.0.0.0', wanted = 0): Promise<{ port: number } & AsyncDisposable> {
  const server: Server = createServer((socket) => socket.end())
  server.listen(wanted, host)
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { port: address.port, [Symbol.asyncDispose]: () => promisify(server.close.bind(server))() }
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}

interface Beyond extends AsyncDisposable {
  public: string
  private: string
  linkLocal: string
}

/**
 * A small world behind the host, in a network namespace of its own, that listens on ports 53 and 80 of three addresses:
 * one of a range that is for measurements (RFC 2544) and so stands for the public, a private one, a link-local one.
 */
async function createBeyond(): Promise<Beyond> {
  const id = randomBytes(3).toString('hex')
  const [namespace, outside, inside] = [`beyond-${id}`, `byo${id}`, `byi${id}`]
  const third = 2 + (Number.parseInt(id, 16) % 250)
  const addresses = { public: `198.18.${third}.2`, private: `10.250.${third}.2`, linkLocal: `169.254.${third}.2` }
  const ip = (...args: string[]) => run('ip', args)
  const within = (...args: string[]) => ip('-n', namespace, ...args)
  await ip('netns', 'add', namespace)
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', namespace)
  for (const address of Object.values(addresses)) {
    await ip('addr', 'add', `${address.replace(/2$/, '1')}/30`, 'dev', outside)
    await within('addr', 'add', `${address}/30`, 'dev', inside)
  }
  await ip('link', 'set', outside, 'up')
  await within('link', 'set', inside, 'up')
  await within('route', 'add', 'default', 'via', addresses.public.replace(/2$/, '1'))
  const program = `for (const port of [53, 80]) {
    require('node:net').createServer((socket) => socket.end()).listen(port, '0.0.0.0', () => console.log(port))
  }`
  const server = execFile('ip', ['netns', 'exec', namespace, process.execPath, '-e', program])
  assert.ok(server.stdout)
  let told = ''
  while (!/53[\s\S]*80|80[\s\S]*53/.test(told)) told += String((await once(server.stdout, 'data'))[0])
  return {
    ...addresses,
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'close')
      server.kill('SIGKILL')
      await ended
      await ip('netns', 'delete', namespace)
    }
  }
}

/** An address in the same pool and in another network, where nobody is. */
function addressBeside({ host }: Endpoint): string {
  return host.replace(/(\d+)(\.\d+)$/, (_all, third: string, last: string) => `${Number(third) ^ 1}${last}`)
}

/** Of a connection from the host. */
function outcomeOf({ host, port }: Endpoint): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 3000 }, () => settle('open'))
    function settle(outcome: string): void {
      resolve(outcome)
      socket.destroy()
    }
    socket.once('timeout', () => settle('timeout'))
    socket.once('error', (err: NodeJS.ErrnoException) => settle(err.code ?? err.message))
  })
}

/** Takes an opening back that a test has made: the chains are shared by all installations of the host. */
async function deleteRule(chain: string, words: readonly string[]): Promise<void> {
  for (const table of chain === 'SLIPWAY-FORWARD' ? ['filter', 'mangle'] : ['filter']) {
    const { stdout } = await run('iptables', ['-w', '-t', table, '-S', chain])
    for (const line of stdout.split('\n')) {
      const args = line.split(' ')
      if (!words.every((word) => args.includes(word))) continue
      await run('iptables', ['-w', '-t', table, '-D', ...args.slice(1)])
    }
  }
}
