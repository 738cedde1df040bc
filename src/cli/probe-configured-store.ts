import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { loadConfig } from '../config/load.ts'
import type { CliHost } from './cli-host.ts'

/** Needs no running server, only its configuration. */
export async function probeConfiguredStore(
  flags: { readonly config?: string; readonly json?: boolean },
  host: CliHost,
  setExitCode: (code: number) => void,
): Promise<void> {
  const { config } = loadConfig({
    flags: flags.config === undefined ? [] : ['--config', flags.config],
    env: host.env,
    cwd: process.cwd(),
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  // Loaded on demand: no other command needs a store.
  const { openStore } = await import('../storage/open-store.ts')
  const { probeStore } = await import('../storage/probe-store.ts')
  const { storeLocation } = await import('../storage/store-location.ts')
  const { driftOf, judgeStore, renderMatrix } = await import('../storage/capabilities.ts')
  const { exchangeMatrix } = await import('../storage/stored-matrix.ts')
  const location = storeLocation(config)
  const matrix = await probeStore(location, { signal: host.signal, randomId: randomUUID, nowMs: Date.now })
  const verdict = judgeStore(matrix)
  let drift: readonly string[] = []
  let changes: readonly string[] = []
  if (verdict.isUsable) {
    await using store = await openStore(location)
    const before = await exchangeMatrix(store, matrix, host.signal)
    drift = before === null ? [] : driftOf(before, matrix)
    changes = drift.map((line) => `- Changed since ${new Date(before?.probedAtMs ?? 0).toISOString()}: ${line}\n`)
  }
  host.stdout(
    flags.json === true
      ? `${JSON.stringify({ ...matrix, verdict, drift }, null, 2)}\n`
      : `${renderMatrix(matrix)}${changes.join('')}`,
  )
  if (!verdict.isUsable) setExitCode(1)
}
