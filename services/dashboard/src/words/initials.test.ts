import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hueOf, initialsOf } from './initials.ts'

test('initials are the first letters of the first two words, whatever the alphabet', () => {
  const names = ['alice', 'acme-labs', 'acme.labs_of.three', 'émile', '𝒳-ray', '--', '']
  assert.deepEqual(names.map(initialsOf), ['A', 'AL', 'AL', 'É', '𝒳R', '?', '?'])
})

test('a name has the same colour everywhere, and others most often another', () => {
  assert.equal(hueOf('alice'), hueOf('alice'))
  const hues = new Set(['alice', 'bob', 'carol', 'acme', 'shop', 'team'].map(hueOf))
  assert.ok(hues.size >= 4)
  for (const hue of hues) assert.ok(hue >= 0 && hue < 360)
})
