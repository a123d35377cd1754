import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { requireProgram, waitFor } from '@slipway/machine'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request
} from 'playwright-core'
import type { Scene } from '../system/scene.ts'
import { createOwnNetwork } from './own-network.ts'

/** The operating system's own Chromium. As root it has no sandbox of its own to offer, and a network of its own. */
export async function startBrowser(): Promise<Browser> {
  const program = await requireProgram(['chromium', 'chromium-browser', 'google-chrome'])
  if (process.getuid?.() !== 0) return chromium.launch({ executablePath: program })
  const network = await createOwnNetwork(program)
  const { executablePath, proxy: server } = network
  try {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], proxy: { server } })
    browser.on('disconnected', () => void network.close())
    return browser
  } catch (err) {
    await network.close()
    throw err
  }
}

export interface Visit {
  page: Page
  context: BrowserContext
  /** What the console complained about, and where. */
  complaints: string[]
  /** Goes there, and stays until all that the page asks for has been answered and drawn. */
  see(path: string): Promise<void>
}

/** A browser of its own in which the administrator is at home, by a one-time link. */
export async function visitAsAdministrator(
  browser: Browser,
  scene: Scene,
  options: BrowserContextOptions = {}
): Promise<Visit> {
  const visit = await open(browser, scene, options)
  const { url } = await scene.installation.api.createClaim({ opensSession: true })
  await visit.page.goto(url)
  await visit.page.getByRole('heading', { level: 1 }).and(visit.page.locator('.page-head *')).waitFor()
  return visit
}

/** A browser of its own, in which somebody of the GitHub forge signs in, as people do. */
export async function visitAs(browser: Browser, scene: Scene, login: string, path: string): Promise<Visit> {
  const visit = await open(browser, scene, {})
  await visit.page.goto(path)
  await visit.page
    .getByRole('link', { name: /^Continue with/ })
    .first()
    .click()
  await visit.page.locator(`button[name="sign_in_as"][value="${login}"]`).click()
  await visit.page.locator('.user').waitFor()
  return visit
}

async function open(browser: Browser, scene: Scene, options: BrowserContextOptions): Promise<Visit> {
  const { api } = scene.installation.endpoints
  const context = await browser.newContext({ baseURL: api, locale: 'en-GB', ...options })
  // For a machine that is a good deal slower and busier than one would wish.
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url}) at ${page.url()}`)
  })
  page.on('pageerror', (err) => complaints.push(`${err.stack ?? err.message} at ${page.url()}`))
  return { page, context, complaints, see: createSee(page) }
}

/** One answer leads to the next question, as of a list to what its first entry leads to: so long nothing is asked at the end. */
const quietMs = 150

function createSee(page: Page): Visit['see'] {
  const asked = new Set<Request>()
  let changedAt = 0
  const answered = (request: Request) => {
    if (asked.delete(request)) changedAt = performance.now()
  }
  page.on('request', (request) => {
    // Those of the page before are not answered any more; streams never end.
    if (request.isNavigationRequest()) asked.clear()
    if (request.resourceType() === 'eventsource') return
    asked.add(request)
    changedAt = performance.now()
  })
  page.on('requestfinished', answered)
  page.on('requestfailed', answered)

  return async (path) => {
    await page.goto(path)
    await page.getByRole('heading', { level: 1 }).waitFor()
    const isThere = async () =>
      asked.size === 0 && performance.now() - changedAt > quietMs && (await page.locator('.skeleton').count()) === 0
    const unanswered = () => [...asked].map((request) => request.url()).join(', ')
    await waitFor(isThere, { timeoutMs: 60_000, what: `all of ${path}` }).catch((err) => {
      throw new Error(`${path} is not complete; without an answer: ${unanswered() || 'nothing'}`, { cause: err })
    })
  }
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

interface AxeResult {
  passes: unknown[]
  violations: { id: string; impact: string | null; nodes: { target: string[]; failureSummary: string }[] }[]
}

/** What axe finds that is serious or worse, one line each. The page's own policy lets no script in: this one comes past it. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axePath, 'utf8'))
  const { violations, passes } = await page.evaluate<AxeResult>('axe.run(document)')
  if (passes.length < 5) return ['axe found nothing to look at']
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`)
    )
}

/** To be looked at: the folder is no part of the repository. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const directory = join(import.meta.dirname, 'pictures')
  await mkdir(directory, { recursive: true })
  await page.screenshot({ path: join(directory, `${name}.png`) })
}
