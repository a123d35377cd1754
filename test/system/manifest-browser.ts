import assert from 'node:assert/strict'

const post = (url: string, fields: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })

const plain = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** What a person does in a browser to have an App made: from our page to the address that the forge sends them back to. */
export async function makeApp(address: string, forgeUrl: string, name = 'Slipway'): Promise<string> {
  const page = await fetch(address)
  const markup = await page.text()
  assert.equal(page.status, 200, markup)
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(markup) ?? []
  const [, manifest = ''] = /name="manifest" value="([^"]+)"/.exec(markup) ?? []
  const policy = String(page.headers.get('content-security-policy'))
  assert.ok(policy.includes(`form-action ${new URL(forgeUrl).origin};`), policy)
  const form = new URL(plain(action))
  assert.equal(form.origin, new URL(forgeUrl).origin)
  const shown = await post(form.href, { manifest: plain(manifest) })
  assert.equal(shown.status, 200, await shown.clone().text())
  const state = form.searchParams.get('state') ?? ''
  const [, organization = ''] = /^\/organizations\/([^/]+)/.exec(form.pathname) ?? []
  const made = await post(`${forgeUrl}/settings/apps`, { manifest: plain(manifest), name, state, organization })
  assert.equal(made.status, 302)
  return made.headers.get('location') ?? ''
}

/** Back at our page: where it leads on to, or what it says. */
export async function comeBack(callback: string): Promise<{ status: number; location: string | null; text: string }> {
  const answer = await fetch(callback, { redirect: 'manual' })
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
}

/** Installs the App on an account, for all of its repositories. Returns our page that it ends at. */
export async function install(installUrl: string, account: string): Promise<string> {
  const page = await (await fetch(installUrl)).text()
  assert.ok(page.includes(account), page)
  const done = await post(installUrl.replace(/\/new$/, ''), { account, selection: 'all', state: '' })
  assert.equal(done.status, 302)
  const setup = await fetch(done.headers.get('location') ?? '')
  assert.equal(setup.status, 200)
  return setup.text()
}
