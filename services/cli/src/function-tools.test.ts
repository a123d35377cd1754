import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createCommandLineForTest } from './commands.fixture.ts'
import { invoke } from './invoke.ts'

/** Answers with what it was asked. */
async function echoForTest(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, url, headers } = request
      const isLeft = url?.startsWith('/async-function/fn') === true
      if (isLeft) response.setHeader('x-call-id', `left ${method} for ${String(headers['x-callback-url'])}`)
      response.writeHead(url === '/fn/gone' ? 404 : isLeft ? 202 : 200, { 'x-told': 'yes' })
      response.end(JSON.stringify({ method, url, told: headers['x-tell'], body: Buffer.concat(parts).toString() }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fn`
}

test('invoke sends method, headers, path and what comes on standard input, and prints the answer as it is', async (t) => {
  const url = await echoForTest(t)
  const call = async (input: string, options: Partial<Parameters<typeof invoke>[1]> = {}) => {
    const output = new PassThrough()
    const isOk = await invoke(
      url,
      { header: [], path: '', ...options },
      { input: Readable.from([Buffer.from(input)]), output }
    )
    output.end()
    let text = ''
    for await (const part of output) text += String(part)
    return { isOk, text }
  }
  assert.deepEqual(await call(''), { isOk: true, text: '{"method":"GET","url":"/fn","body":""}' })
  const posted = await call('data', { path: 'a?b=c', header: ['X-Tell: it: all'] })
  assert.deepEqual(JSON.parse(posted.text), { method: 'POST', url: '/fn/a?b=c', told: 'it: all', body: 'data' })
  const put = await call('', { method: 'put', data: 'text', include: true })
  assert.match(put.text, /^HTTP 200 OK\n[^]*x-told: yes\n\n{"method":"PUT".*"text"}$/)
  assert.equal((await call('', { path: '/gone' })).isOk, false)
  await assert.rejects(call('x', { method: 'GET' }), /GET has no body/)
  await assert.rejects(call('', { header: ['nonsense'] }), /write "Name: value"/)
})

test('on a terminal the prompt comes below an answer, not behind it', async (t) => {
  const url = await echoForTest(t)
  const output = Object.assign(new PassThrough(), { isTTY: true })
  await invoke(url, { header: [], path: '' }, { input: Readable.from([]), output })
  output.end()
  let text = ''
  for await (const part of output) text += String(part)
  assert.equal(text, '{"method":"GET","url":"/fn","body":""}\n')
})

test('invoke leaves a call with the gateway and prints its id', async (t) => {
  const url = (await echoForTest(t)).replace(/fn$/, 'function/fn')
  const call = async (options: Partial<Parameters<typeof invoke>[1]>, at = url) => {
    const output = new PassThrough()
    const isOk = await invoke(at, { header: [], path: '', ...options }, { input: Readable.from([]), output })
    output.end()
    let text = ''
    for await (const part of output) text += String(part)
    return { isOk, text }
  }
  const callback = 'https://example.com/done'
  assert.deepEqual(await call({ async: true, callback }), { isOk: true, text: `left POST for ${callback}\n` })
  assert.equal((await call({ async: true, method: 'put', path: 'a' })).text, 'left PUT for undefined\n')
  await assert.rejects(call({ callback }), /--callback goes with --async/)
  await assert.rejects(call({ async: true }, url.replace('/function', '')), /no address at which calls can be left/)
})

test('invoke and open say what to do about a function that is not there', async (t) => {
  const { slipway, url } = await createCommandLineForTest(t)
  for (const command of ['invoke', 'open']) {
    const { code, stderr } = await slipway(command, 'alice/hello')
    assert.deepEqual([code, /"slipway functions" lists them/.test(stderr)], [4, true], stderr)
  }
  assert.equal((await slipway('open', '--print')).stdout, `${url}\n`)
})

test('open gives the page of a build and of a repository that are there', async (t) => {
  const { slipway, store, url, checkout } = await createCommandLineForTest(t)
  const build = await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await slipway('open', '--build', build, '--print')).stdout, `${url}/builds/${build}\n`)
  checkout()
  const { stdout } = await slipway('open', '--repository', '.', '--print')
  assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\/owners\/alice\/repositories\/[\w-]+\n$/)
  assert.equal((await slipway('open', '--build', 'none')).code, 4)
  assert.equal((await slipway('open', '--repository', 'alice/none')).code, 4)
  assert.equal((await slipway('open', 'alice/hello', '--build', build)).code, 2)
})

test('init makes functions whose own tests pass, beside what stack.yml has already', async (t) => {
  const { slipway, workDirectory } = await createCommandLineForTest(t)
  const first = await slipway('init', 'hello')
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /made hello\/ .*\ntry it: +npm test --prefix hello\ndeploy it: slipway deploy/)
  const stack = join(workDirectory, 'stack.yml')
  await writeFile(stack, `# ours\n${await readFile(stack, 'utf8')}`)
  assert.equal((await slipway('init', 'greet', '--lang', 'python')).code, 0)
  assert.equal((await slipway('init', 'site', '--lang', 'static')).code, 0)
  assert.equal(
    await readFile(stack, 'utf8'),
    `# ours\nversion: 1.0\nprovider:\n  name: openfaas\nfunctions:\n${['hello node', 'greet python', 'site static']
      .map((one) => one.split(' '))
      .map(([name, lang]) => `  ${name}:\n    lang: ${lang}\n    handler: ./${name}\n`)
      .join('')}`
  )
  // The runner would take what a test starts for a part of itself.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  execFileSync(process.execPath, ['--test'], { cwd: join(workDirectory, 'hello'), env })
  execFileSync('python3', ['-m', 'unittest'], { cwd: join(workDirectory, 'greet'), stdio: 'ignore' })

  assert.equal((await slipway('init', 'hello')).code, 1)
  assert.equal((await slipway('init', 'Bad_Name')).code, 2)
  assert.equal((await slipway('init', 'other', '--lang', 'cobol')).code, 2)
  await writeFile(stack, 'functions: [\n')
  assert.match((await slipway('init', 'other')).stderr, /stack\.yml cannot be added to/)
})
