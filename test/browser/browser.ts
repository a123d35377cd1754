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

/** A browser of its own in which the administrator is at home. */
export async function visitAsAdministrator(
  browser: Browser,
  scene: Scene,
  options: BrowserContextOptions = {}
): Promise<Visit> {
  const { api } = scene.installation.endpoints
  const token = (await readFile(join(scene.directory, 'home', 'admin-token'), 'utf8')).trim()
  const context = await browser.newContext({
    baseURL: api,
    locale: 'en-GB',
    ...options,
    extraHTTPHeaders: { authorization: `Bearer ${token}` }
  })
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
  violations: { id: string; impact: string | null; nodes: { target: string[]; failureSummary: string }[] }[]
}

/** What axe finds that is serious or worse, one line each. The page's own policy lets no script in: this one comes past it. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axePath, 'utf8'))
  const { violations } = await page.evaluate<AxeResult>('axe.run(document, { resultTypes: ["violations"] })')
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
