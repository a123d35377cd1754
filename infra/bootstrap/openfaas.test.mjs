import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createMachine } from './machine.fixture.mjs'
import { findOpenFaasPrograms } from './openfaas.mjs'
import { Stop } from './processes.mjs'

const nothing = '#!/bin/sh\n'
const programs = { 'faas-cli': nothing, 'of-watchdog': nothing, 'classic-watchdog': nothing }

test("OpenFaaS' programs are those on the PATH", (t) => {
  const context = createMachine(t, { programs })
  assert.deepEqual(findOpenFaasPrograms(context), {
    FAAS_CLI: join(context.bin, 'faas-cli'),
    OF_WATCHDOG: join(context.bin, 'of-watchdog'),
    CLASSIC_WATCHDOG: join(context.bin, 'classic-watchdog')
  })
})

test('one that is named goes over the one on the PATH', (t) => {
  const context = createMachine(t, { programs: { ...programs, mine: nothing } })
  context.machine.env.OF_WATCHDOG = join(context.bin, 'mine')
  assert.equal(findOpenFaasPrograms(context).OF_WATCHDOG, join(context.bin, 'mine'))
})

test('all that are missing are told at once, with how to say where they are', (t) => {
  const context = createMachine(t, {
    env: { CLASSIC_WATCHDOG: '/nowhere/fwatchdog' },
    programs: { 'classic-watchdog': nothing }
  })
  assert.throws(
    () => findOpenFaasPrograms(context),
    (err) => {
      assert.ok(err instanceof Stop)
      assert.match(err.message, /FAAS_CLI, OF_WATCHDOG, CLASSIC_WATCHDOG/)
      assert.match(err.message, /^ {2}faas-cli: https:\/\//m)
      assert.match(err.message, /^ {2}of-watchdog: https:\/\//m)
      assert.match(
        err.message,
        /^ {2}classic-watchdog: CLASSIC_WATCHDOG names \/nowhere\/fwatchdog, which is not there$/m
      )
      return true
    }
  )
})
