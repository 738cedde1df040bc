// Mirror in a process of its own that does to itself what faults do: blocks its main thread, loses a thread.
// Started by MirrorProcess with `script`; told by messages, answers each with its id.
import { existsSync, readFileSync } from 'node:fs'
import { startMirror } from '../../src/app.ts'
import { readEnvironment } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { PeerName } from '../../src/live/threads/messages.ts'

export type Order =
  /** For as long as a file is there, looked for ten times a second. */
  { readonly kind: 'blockWhile'; readonly file: string } | { readonly kind: 'killThread'; readonly name: PeerName }

const { config } = loadConfig({
  flags: [],
  env: readEnvironment(),
  cwd: process.cwd(),
  readFile: (path) => readFileSync(path, 'utf8'),
})
const mirror = await startMirror(config, {
  log: createLogger({ level: 'info', format: 'json' }),
  signal: new AbortController().signal,
  greet: (text) => void process.stdout.write(text),
})

process.on('message', ({ id, order }: { readonly id: number; readonly order: Order }) => {
  void obey(order).then(() => process.send?.({ id }))
})
process.on('disconnect', () => process.exit(1))

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'blockWhile': {
      const nobody = new Int32Array(new SharedArrayBuffer(4))
      while (existsSync(order.file)) Atomics.wait(nobody, 0, 0, 100)
      break
    }
    case 'killThread':
      await mirror.live.killThread(order.name)
      break
    default:
      order satisfies never
  }
}
