interface Stored {
  host: string
  name: string
  value: string
  isSecure: boolean
}

export interface Page {
  status: number
  url: string
  headers: Headers
  text: string
  json(): Record<string, unknown>
}

export interface Browser {
  get(url: string): Promise<Page>
  /** One answer, wherever it points. */
  look(url: string): Promise<Page>
  /** @param from the page that it is sent from; null: none, as programs do */
  post(url: string, body: Record<string, string>, from?: string | null): Promise<Page>
  /** Presses a button of a page with a form. */
  press(page: Page, name: string, value: string): Promise<Page>
  cookies: Stored[]
}

/**
 * Of a browser what signing in needs: cookies by host with what `Secure` and `__Host-` promise, redirects, forms, and the `Origin`
 * of whatever changes something. Scripts are the tests themselves.
 *
 * @param proxies where an https address is really served
 */
export function createBrowser(proxies: Record<string, string> = {}): Browser {
  const cookies: Stored[] = []

  function keep(url: URL, header: string): void {
    const [pair = '', ...attributes] = header.split(';').map((part) => part.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const of = (wanted: string) => attributes.find((one) => one.toLowerCase().startsWith(wanted))
    const isSecure = of('secure') !== undefined
    if (isSecure && url.protocol !== 'https:') return
    if (name.startsWith('__Host-') && (!isSecure || of('domain') !== undefined || of('path=') !== 'Path=/')) return
    const known = cookies.findIndex((one) => one.host === url.host && one.name === name)
    if (known !== -1) cookies.splice(known, 1)
    const isOver = of('max-age=0') !== undefined || /expires=thu, 01 jan 1970/i.test(of('expires') ?? '')
    if (!isOver) cookies.push({ host: url.host, name, value, isSecure })
  }

  async function once(
    address: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {}
  ): Promise<Page> {
    const url = new URL(address)
    const sent = cookies.filter((one) => one.host === url.host && (!one.isSecure || url.protocol === 'https:'))
    const real = proxies[url.origin]
    const response = await fetch(real === undefined ? url : `${real}${url.pathname}${url.search}`, {
      ...init,
      redirect: 'manual',
      headers: {
        ...init.headers,
        ...(sent.length === 0 ? {} : { cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; ') })
      }
    })
    for (const header of response.headers.getSetCookie()) keep(url, header)
    const text = await response.text()
    return {
      status: response.status,
      url: url.href,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>
    }
  }

  async function follow(page: Page): Promise<Page> {
    for (let at = page, left = 10; left > 0; left--) {
      const location = at.headers.get('location')
      if (location === null) return at
      at = await once(new URL(location, at.url).href)
    }
    throw new Error('more than ten redirects')
  }

  return {
    cookies,
    look: (url) => once(url),
    get: async (url) => follow(await once(url)),
    post: (url, body, from = new URL(url).origin) =>
      once(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(from === null ? {} : { origin: from }) },
        body: JSON.stringify(body)
      }),
    async press(page, name, value) {
      const [, action = ''] = /<form method="post" action="([^"]*)"/.exec(page.text) ?? []
      const body = fieldsOf(page)
      body.set(name, value)
      const sent = { 'content-type': 'application/x-www-form-urlencoded' }
      return follow(
        await once(new URL(action, page.url).href, { method: 'POST', headers: sent, body: body.toString() })
      )
    }
  }
}

/** The hidden fields of a page's form. */
export function fieldsOf({ text }: Page): URLSearchParams {
  const fields = new URLSearchParams()
  for (const [, name = '', value = ''] of text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)) {
    fields.set(name, plain(value))
  }
  return fields
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

function plain(markup: string): string {
  return markup.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity)
}
