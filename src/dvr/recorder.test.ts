import { beforeEach, expect, test } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { Shelf } from '../live/origin/shelf.ts'
import type { Publication } from '../live/publication.ts'
import { Recorder } from './recorder.ts'
import type { Recording } from './spool/spool.ts'
import type { TrackFacts } from './track-facts.ts'

const STREAM = { streamId: 'cam', trackId: 'v0' } as const
const FACTS = { kind: 'video' } as TrackFacts
const SEGMENT_BYTES = 8

let shelf: Shelf
let appended: { readonly recording: Recording; readonly bytes: string; done(error?: Error): void }[]
let recorded: number[]
let lost: string[]
let released: number[]
let recorder: Recorder
let isRecorded: boolean

beforeEach(() => {
  released = []
  shelf = new Shelf((slabId) => released.push(slabId))
  appended = []
  recorded = []
  lost = []
  isRecorded = true
  recorder = new Recorder({
    spool: {
      append: (recording) =>
        new Promise((resolve, reject) => {
          const bytes = Buffer.concat([...recording.buffers]).toString()
          appended.push({
            recording,
            bytes,
            done: (error) =>
              error === undefined
                ? resolve({ ...recording.segment, offset: 0, sizeBytes: bytes.length, sha256: '' })
                : reject(error),
          })
        }),
    },
    shelf: () => shelf,
    tenantOf: () => (isRecorded ? 'default' : null),
    onRecorded: (_, { msn }) => recorded.push(msn),
    onLost: (_, msn, cause) => lost.push(`${msn}: ${cause.message}`),
  })
  tell({ kind: 'slab', streamId: 'cam', slabId: 1, memory: new SharedArrayBuffer(1024) })
  tell({ kind: 'track', ...STREAM, facts: FACTS })
})

function tell(publication: Publication): void {
  shelf.apply(publication)
  recorder.observe(publication)
}

function publish(msn: number, { hasMedia = true, isGap = false } = {}): void {
  const name = `${msn}.m4s`
  const offset = (msn % 100) * SEGMENT_BYTES
  if (hasMedia) tell({ kind: 'media', ...STREAM, name, slices: [{ slabId: 1, offset, length: SEGMENT_BYTES }] })
  tell({ kind: 'segment', ...STREAM, name, msn, dsn: 0, startsAtMs: msn * 2000, durationSec: 2, initName: null, isGap })
}

test('a finished segment is recorded once, and counted when it is on the disk', async () => {
  publish(7)
  publish(7)
  expect(appended.map(({ recording }) => recording.segment.msn)).toEqual([7])
  expect(appended[0]?.bytes).toHaveLength(SEGMENT_BYTES)
  expect(recorded).toEqual([])
  appended[0]?.done()
  await recorder.settled()
  expect(recorded).toEqual([7])
})

test('a gap is recorded without bytes', () => {
  publish(7, { hasMedia: false, isGap: true })
  expect(appended.map(({ recording }) => recording.buffers)).toEqual([[]])
})

test('a stream that is not to be recorded is not', () => {
  isRecorded = false
  publish(7)
  expect(appended).toEqual([])
})

test('memory stays leased until the disk has it', async () => {
  publish(7)
  tell({ kind: 'drop', ...STREAM, names: ['7.m4s'] })
  tell({ kind: 'retire', streamId: 'cam', slabId: 1 })
  expect(released).toEqual([])
  appended[0]?.done()
  await recorder.settled()
  expect(released).toEqual([1])
})

test('what the disk refuses is lost by name, and the next segment is tried again', async () => {
  publish(7)
  appended[0]?.done(new MirrorError('spool_full', 'the spool is full'))
  await recorder.settled()
  publish(8)
  appended[1]?.done()
  await recorder.settled()
  expect({ lost, recorded }).toEqual({ lost: ['7: the spool is full'], recorded: [8] })
})

test('a disk that does not keep up costs segments, not memory', () => {
  for (let msn = 1; msn <= 10; msn++) publish(msn)
  expect(appended).toHaveLength(8)
  expect(lost).toEqual(['9: the disk does not keep up', '10: the disk does not keep up'])
})

test('a segment that has left the window counts as lost, but not before the first one', () => {
  publish(6, { hasMedia: false })
  publish(7)
  publish(8, { hasMedia: false })
  publish(9)
  expect(appended.map(({ recording }) => recording.segment.msn)).toEqual([7, 9])
  expect(lost).toEqual(['8: it left the window unrecorded'])
})
