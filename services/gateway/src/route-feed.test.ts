import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain/failure'
import { createLogger } from '@slipway/service/logger'
import { until } from './gateway-for-test.ts'
import { createRouteFeed } from './route-feed.ts'
import { createRouteTable } from './routes.ts'

test('why there are no routes is told once, again when it is for another reason, and that they are back', async (t) => {
  const told: string[] = []
  const logger = createLogger('test')
  logger.level = 'silent'
  logger.warn = ({ err }: { err: Error }) => void told.push(err.message)
  logger.info = (...line: unknown[]) => void told.push(String(line.at(-1)))
  const away = new Failure('unavailable', 'away')
  const refused = new Failure('invalid-configuration', 'refused')
  const answers = [away, away, refused, refused]
  const table = createRouteTable(() => {})
  t.after(() => table.close())
  const source = {
    async routesVersion() {
      const failure = answers.shift()
      if (failure !== undefined) throw failure
      return 1
    },
    routes: async () => [],
    keys: async () => [],
    installation: async () => null
  }
  const feed = createRouteFeed(source, table, () => {}, logger)
  t.after(() => feed.close())
  await until(() => {
    feed.wake()
    return table.version() !== null
  })
  await until(() => told.length >= 4)
  assert.deepEqual(told, ['away', 'refused', 'routes swapped', 'the store answers again'])
})
