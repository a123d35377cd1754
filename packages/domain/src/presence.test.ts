import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FoundRepository } from './ports/forge.ts'
import { judgePresence } from './presence.ts'

const found = (connection: FoundRepository['connection']) => ({ connection }) as FoundRepository
const seen = { seenBy: 'app/1', connectionSeenBy: 'app/1' }

test('what somebody saw before and does not see now is lost', () => {
  assert.equal(judgePresence(null, seen, 'app/1'), 'lost')
  assert.equal(judgePresence(found('gone'), seen, 'app/1'), 'lost')
})

test('what another App or account saw, or nobody did, may still be there', () => {
  assert.equal(judgePresence(null, seen, 'app/2'), 'unclear')
  assert.equal(judgePresence(null, { seenBy: null, connectionSeenBy: null }, 'app/1'), 'unclear')
  assert.equal(judgePresence(found('gone'), { ...seen, connectionSeenBy: null }, 'app/1'), 'unclear')
  assert.equal(judgePresence(found('gone'), seen, 'user/7'), 'unclear')
})

test('a connection that may not be looked at is there', () => {
  assert.equal(judgePresence(found('unknown'), seen, 'app/1'), 'there')
  assert.equal(judgePresence(found('there'), seen, 'app/2'), 'there')
})
