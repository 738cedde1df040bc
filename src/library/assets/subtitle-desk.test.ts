import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { asset } from '../../../test/contract/assets.ts'
import { silentLog } from '../../core/log.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import { SubtitleDesk } from './subtitle-desk.ts'

test('texts that wait to be read are limited; whoever comes then is told when to come back', async () => {
  const stop = new AbortController()
  const video = asset('film', { kind: 'video', status: 'ready' })
  const desk = new SubtitleDesk({
    shelf: { get: async () => video, remake: async () => video },
    assets: { saveRendition: async () => true, removeRendition: async () => true },
    ...{ store: createMemoryStore({ nowMs: Date.now }), now: Date.now, spawn, log: silentLog, ffmpegPath: 'ffmpeg' },
    scratch: {
      withFolder: () =>
        new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason))),
    },
  })
  const put = () => desk.put('default', 'film', { language: 'de', bytes: Buffer.from('x') }, stop.signal)
  const waiting = Array.from({ length: 16 }, () => put().catch((error: unknown) => error))
  await new Promise((resolve) => setImmediate(resolve))
  await expect(put()).rejects.toMatchObject({ code: 'processing_busy', details: { retryAfterSec: 5 } })
  stop.abort(new Error('over'))
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 16 }, () => stop.signal.reason))
})
