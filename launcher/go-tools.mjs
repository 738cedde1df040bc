// Test servers that are written in Go and packaged nowhere: built once where Go is installed, kept with the caches.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './layout.mjs'
import { runTool } from './run-child.mjs'
import { say } from './say.mjs'

const TOOLS = [{ name: 'versitygw', module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0' }]

/** Minutes of work the first time, so only for the long tests. @param {string} root */
export async function buildGoTools(root) {
  const folder = join(cacheFolder(root), 'go', 'bin')
  const missing = TOOLS.filter(({ name }) => !existsSync(join(folder, name)))
  if (missing.length === 0 || spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return
  mkdirSync(folder, { recursive: true })
  for (const { name, module } of missing) {
    say(`building ${name} with Go`)
    await runTool('go', ['install', module], { env: { ...process.env, GOBIN: folder }, toStderr: true })
  }
}
