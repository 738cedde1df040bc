import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parse } from 'hls-parser'
import { expect, test } from 'vitest'
import { renderRecordedPlaylist } from '../hls/recorded-playlist.ts'
import type { IndexedSegment } from './hour-index.ts'
import { withoutHoles } from './recorded-presentation.ts'
import { isGap } from './recorded-segment.ts'
import { RecordedTexts, type Spans } from './recorded-text.ts'
import { FACTS, GAP, indexed, msnOf } from './recordings.test-support.ts'

const EVENT = { type: 'EVENT', isEnded: false, isDated: true } as const

function textOf(texts: RecordedTexts, spans: Spans): string {
  return gunzipSync(texts.gzip({ facts: FACTS, spans }, EVENT)).toString()
}

/** All at once, without pieces. */
function plainText(spans: Spans): string {
  const segments = withoutHoles(spans.flat(), FACTS).map((segment) => {
    const { msn, dsn, startsAtMs, durationSec, initName } = segment
    return { msn, dsn, startsAtMs, durationSec, uri: `${msn}.m4s`, initUri: initName, isGap: isGap(segment) }
  })
  return renderRecordedPlaylist({ ...EVENT, targetDurationSec: FACTS.targetDurationSec, segments })
}

test('however the past is cut into hours, and whatever was asked before, the playlist is the same word for word', () => {
  const drafts = fc.array(
    fc.record({
      skip: fc.integer({ min: 0, max: 12 }),
      isGap: fc.boolean(),
      isNew: fc.boolean(),
      strayMs: fc.constantFrom(0, 0, 0, 3),
      endsHour: fc.boolean(),
    }),
    { minLength: 1, maxLength: 200 },
  )
  fc.assert(
    fc.property(drafts, fc.integer({ min: 0, max: 50 }), (all, from) => {
      let n = 0
      let dsn = 0
      const hours: IndexedSegment[][] = [[]]
      all.forEach((draft, index) => {
        n += draft.skip > 9 ? draft.skip : 1
        if (draft.isNew && index % 9 === 0) dsn += 1
        const startsAtMs = indexed(n).startsAtMs + draft.strayMs
        const own = { dsn, startsAtMs, initName: `init-${dsn}.mp4`, ...(draft.isGap ? GAP : {}) }
        hours.at(-1)?.push(indexed(n, own))
        if (draft.endsHour && index % 5 === 0) hours.push([])
      })
      const spans = hours.filter(({ length }) => length > 0)
      const texts = new RecordedTexts()
      for (const asked of [spans, spans.slice(from % spans.length), spans]) {
        expect(textOf(texts, asked)).toBe(plainText(asked))
      }
    }),
    { numRuns: 60 },
  )
})

test('what was told in an EVENT playlist stays word for word while it grows', () => {
  const all = Array.from({ length: 700 }, (_, n) => indexed(n))
  const texts = new RecordedTexts()
  const hour = all.slice(0, 300)
  const before = textOf(texts, [hour, all.slice(300, 500)])
  // The hour has ended, and its index holds what had been in the spool.
  const after = textOf(texts, [hour, all.slice(300, 450), all.slice(450)])
  expect(after.startsWith(before)).toBe(true)
  expect(parse(after)).toMatchObject({ mediaSequenceBase: msnOf(0), segments: { length: 700 } })
})

test('a player that reads a few dates finds every other within a minute or two', () => {
  const spans = [Array.from({ length: 700 }, (_, n) => indexed(n))]
  const dates = textOf(new RecordedTexts(), spans).match(/#EXT-X-PROGRAM-DATE-TIME/g)
  expect(dates?.length).toBeGreaterThanOrEqual(Math.floor(700 / 64))
  expect(dates?.length).toBeLessThanOrEqual(Math.ceil(700 / 64) + 1)
})

test('72 hours are told again in less than 50 ms of processor time', () => {
  const hours = Array.from({ length: 72 }, (_, hour) =>
    Array.from({ length: 1800 }, (_, index) => indexed(hour * 1800 + index)),
  )
  const texts = new RecordedTexts()
  texts.gzip({ facts: FACTS, spans: hours }, EVENT)
  const spentMs: number[] = []
  for (let round = 0; round < 11; round++) {
    // The viewers began at different moments, and the newest minutes are in the spool.
    const [oldest = [], ...others] = hours
    const newest = Array.from({ length: 150 }, (_, index) => indexed(72 * 1800 + index))
    const spans = [oldest.slice(round * 10), ...others, newest]
    const before = process.cpuUsage()
    const gzip = texts.gzip({ facts: FACTS, spans }, EVENT)
    const { user, system } = process.cpuUsage(before)
    spentMs.push((user + system) / 1000)
    if (round === 10) expect(gunzipSync(gzip).toString()).toBe(plainText(spans))
  }
  const median = spentMs.toSorted((a, b) => a - b)[5] ?? Number.NaN
  expect(median, `${spentMs.map((ms) => ms.toFixed(1)).join(' ')} ms`).toBeLessThan(50)
})
