import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import { packText } from './vod-text.ts'

async function pack(cues: number, endSec: number, { letters, durationSec } = { letters: 4000, durationSec: 200 }) {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-text-'))
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }))
  const label = { language: 'de', name: null, role: null, isDefault: true }
  const text = (index: number) => `${index} ${'a'.repeat(letters)}`
  const all = Array.from({ length: cues }, (_, index) => ({ startSec: 0, endSec, text: text(index), settings: '' }))
  const path = { tenantId: 'default', streamId: 'asset-1', trackId: 's0' }
  const place = { path, cell: rational(4, 1), folder, durationSec, delaySec: 0 }
  const packed = packText({ label, cues: async () => all }, place)
  const written = async () => {
    const files = await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name))))
    return files.reduce((sum, { size }) => sum + size, 0)
  }
  return { packed, written }
}

test('a cue stands in every segment in which it is shown', async () => {
  const { packed, written } = await pack(2, 8)
  const [only, ...more] = await packed
  expect(more).toEqual([])
  expect(only?.segments.map(({ sizeBytes }) => sizeBytes > 8000)).toEqual([true, true, ...Array(48).fill(false)])
  expect(await written()).toBe(only?.sizeBytes)
})

test('hundreds of cues that are shown at once for minutes do not fill the disk', async () => {
  const { packed, written } = await pack(500, 200)
  await expect(packed).rejects.toMatchObject({
    code: 'content_too_large',
    message: 'Segments of subtitles take more than 67108864 bytes',
  })
  expect(await written()).toBeLessThanOrEqual(64 * 2 ** 20)
})

test('others have their turns while thousands of cues that begin at once are cut', async () => {
  const { packed } = await pack(20_000, 3, { letters: 10, durationSec: 4 })
  let turns = 0
  let isOver = false
  const over = packed.finally(() => {
    isOver = true
  })
  const count = () => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const [only] = await over
  expect(only?.segments).toHaveLength(1)
  expect(turns).toBeGreaterThanOrEqual(40)
})
