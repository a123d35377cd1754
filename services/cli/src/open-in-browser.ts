import { spawn } from 'node:child_process'

/** Where there is none, nothing happens: the address was printed. */
export function openInBrowser(url: string): void {
  if (!/^https?:\/\//.test(url)) return
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const browser = spawn(program, [url], { stdio: 'ignore', detached: true })
  browser.on('error', () => {})
  browser.unref()
}
