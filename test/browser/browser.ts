import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { requireProgram } from '@slipway/machine'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Scene } from '../system/scene.ts'

/** The operating system's own Chromium. As root it has no sandbox of its own to offer. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await requireProgram(['chromium', 'chromium-browser', 'google-chrome'])
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

export interface Visit {
  page: Page
  context: BrowserContext
  /** What the console complained about. */
  complaints: string[]
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
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (err) => complaints.push(err.message))
  return { page, context, complaints }
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
