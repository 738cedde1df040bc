import Hls from 'hls.js'
import { describe, expect, test } from 'vitest'
import { repairedBufferController, repairTracker } from './hls-repairs.ts'
import { repairedStreamController } from './part-loading.ts'

type Base = Parameters<typeof repairedBufferController>[0]
const TRACKER = { fragments: {}, getBufferedTimes: () => null, detectEvictedFragments: () => {} }

test('what is not a blocker stays in its queue until it ends by itself', () => {
  const stepped: string[][] = []
  const heads: Record<string, { label: string } | null> = {
    video: { label: 'async-blocker' },
    audio: { label: 'append-audio' },
    audiovideo: null,
  }
  class Queues {
    currentOp(type: string) {
      return heads[type]
    }
    stepOperationQueue(types: string[]) {
      stepped.push(types)
    }
  }
  const Repaired = repairedBufferController(Queues as unknown as Base) as unknown as new (...args: unknown[]) => Queues
  const queues = new Repaired(null, TRACKER)
  queues.stepOperationQueue(['video', 'audio', 'audiovideo'])
  heads['audio'] = { label: 'async-blocker-prepend' }
  queues.stepOperationQueue(['audio'])
  expect(stepped).toEqual([['video'], ['audio']])
})

test('a segment is not complete while its last part is missing, however short that is', () => {
  const ranges = { length: 0 } as TimeRanges
  const tracker = {
    ...TRACKER,
    getBufferedTimes: (_fragment: unknown, _part: unknown, isPartial: boolean, _ranges: TimeRanges) => isPartial,
  }
  repairTracker(tracker)
  const segment = { end: 42.242 }
  expect(tracker.getBufferedTimes(segment, { end: 42.157 }, false, ranges)).toBe(true)
  expect(tracker.getBufferedTimes(segment, { end: 42.2421 }, false, ranges)).toBe(false)
  expect(tracker.getBufferedTimes(segment, null, false, ranges)).toBe(false)
  expect(tracker.getBufferedTimes(segment, null, true, ranges)).toBe(true)
})

describe('when media was removed', () => {
  const RANGE = { length: 1, start: () => 72, end: () => 133.1 } as unknown as TimeRanges
  const EMPTY = { length: 0 } as TimeRanges

  /** As hls.js does it: whatever is not buffered is forgotten. */
  function evict(
    fragment: { buffered?: boolean; loaded?: object | null; type?: string; start: number },
    ranges = RANGE,
  ) {
    const { type = 'audio', start, ...rest } = fragment
    const tracker = {
      ...TRACKER,
      fragments: { one: { body: { type, start }, buffered: false, loaded: null, ...rest } } as Record<
        string,
        { body: { type: string; start: number }; buffered: boolean; loaded: object | null }
      >,
      detectEvictedFragments(..._: readonly unknown[]) {
        if (tracker.fragments['one']?.buffered === false) delete tracker.fragments['one']
      },
    }
    repairTracker(tracker)
    return (...appended: readonly unknown[]) => {
      tracker.detectEvictedFragments('audio', ranges, 'audio', ...appended)
      return 'one' in tracker.fragments ? 'kept' : 'forgotten'
    }
  }

  test('a part on its way is kept that begins in what is left, or right behind it', () => {
    expect([evict({ start: 132.9 })(), evict({ start: 133.12 })(), evict({ start: 133.12 })(null, null)]).toEqual([
      'kept',
      'kept',
      'kept',
    ])
  })

  test('what went with it, was loaded whole, or is elsewhere is forgotten as before', () => {
    expect([
      evict({ start: 132.9 }, EMPTY)(),
      evict({ start: 140 })(),
      evict({ start: 132.9, loaded: {} })(),
      evict({ start: 132.9, type: 'main' })(),
      evict({ start: 132.9 })({ sn: 7 }, null),
    ]).toEqual(Array.from({ length: 5 }, () => 'forgotten'))
  })
})

describe('parts are loaded', () => {
  const PART = { start: 0, fragment: { duration: 0.683 } }
  const fragments = [{ start: 0 }]
  const endingInGap = [...fragments, { start: 2.1 }, { start: 4.9, gap: true }]
  class Loading {
    playhead = 0
    loadingParts = false
    shouldLoadParts() {
      return false
    }
    getNextFragment() {
      return this.loadingParts ? 'part' : null
    }
  }
  const Repaired = repairedStreamController(Loading) as unknown as new () => {
    playhead: number
    shouldLoadParts(details: unknown, bufferEndSec: number): boolean
    getNextFragment(bufferEndSec: number, details: unknown): string | null
  }

  test.each([
    ['where all whole segments are buffered', { fragments, fragmentEnd: 0.683, partList: [PART] }, 0.6829, 0, true],
    ['where what follows is a gap', { fragments: endingInGap, fragmentEnd: 6.6, partList: [PART] }, 4.9, 4.8, true],
    ['not before the gap', { fragments: endingInGap, fragmentEnd: 6.6, partList: [PART] }, 4.8, 4.7, false],
    ['not while a whole segment is missing', { fragments, fragmentEnd: 1.7, partList: [PART] }, 0.683, 0, false],
    ['not where there are none', { fragments, fragmentEnd: 0.683, partList: null }, 0.683, 0, false],
    ['not for who went back', { fragments, fragmentEnd: 60, partList: [{ ...PART, start: 56 }] }, 60, 20, false],
    ['not before there is a playlist', undefined, 0, 0, false],
  ] as const)('%s', (_, details, bufferEndSec, playhead, isExpected) => {
    const loading = new Repaired()
    loading.playhead = playhead
    expect(loading.shouldLoadParts(details, bufferEndSec)).toBe(isExpected)
    if (details !== undefined) expect(loading.getNextFragment(bufferEndSec, details)).toBe(isExpected ? 'part' : null)
  })
})

test('this hls.js has what is repaired', () => {
  // A new version: look whether it still leaves out parts, and take out the repairs that it no longer needs.
  expect(Hls.version).toBe('1.7.4')
  const { bufferController, streamController, audioStreamController } = Hls.DefaultConfig
  for (const controller of [streamController, audioStreamController]) {
    expect(controller?.prototype).toMatchObject({
      shouldLoadParts: expect.any(Function),
      getNextFragment: expect.any(Function),
      playhead: expect.anything(),
    })
  }
  if (bufferController === undefined) throw new Error('hls.js has no buffer controller')
  let tracker: unknown = null
  const Witness = class extends (bufferController as unknown as new (...args: unknown[]) => object) {
    constructor(...args: unknown[]) {
      super(...args)
      tracker = args[1]
    }
  } as unknown as Base
  expect(bufferController.prototype).toMatchObject({
    currentOp: expect.any(Function),
    stepOperationQueue: expect.any(Function),
  })
  new Hls({ bufferController: Witness }).destroy()
  expect(tracker).toMatchObject({
    fragments: {},
    getBufferedTimes: expect.any(Function),
    detectEvictedFragments: expect.any(Function),
  })
})
