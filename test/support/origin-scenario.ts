// What two origins of the same streams go through: one joins late, one is restarted, one is killed; and what they must
// have in common all the while.
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { pictureArgs } from './encoder.ts'
import type { OriginPair } from './origin-pair.ts'
import { isSameListing, OriginRecord } from './origin-record.ts'
import { epochClockArgs, Relay, type RelayFormat, type RelayOutput } from './relay.ts'

export interface Feed {
  readonly id: string
  readonly format: RelayFormat
  readonly rate: string
  /** Omitted: x264's default of 250 frames, so that most cells have no keyframe. */
  readonly gop?: number
  readonly isEpochLocked?: boolean
  readonly isLate: boolean
}

/** How long a busy machine may take for each step of a scenario that waits for what it needs. */
const STEP_WITHIN_MS = 60_000

export const TRACKS = ['v0', 'a0'] as const

export function encodeFeeds(feeds: readonly Feed[]): ReadonlyMap<string, Relay> {
  return new Map(feeds.map((feed) => [feed.id, encode(feed)]))
}

function encode({ format, rate, gop, isEpochLocked = false }: Feed): Relay {
  const picture = { seconds: 600, size: '320x180', rate, bFrames: true, ...(gop === undefined ? {} : { gop }) }
  const args = pictureArgs(picture)
  return isEpochLocked ? new Relay(format, args, epochClockArgs(Date.now())) : new Relay(format, args)
}

export class OriginScenario implements AsyncDisposable {
  readonly pair: OriginPair
  readonly outputs = new Map<string, RelayOutput>()
  readonly #feeds: readonly Feed[]
  readonly #relays: ReadonlyMap<string, Relay>
  readonly #records = new Map<string, readonly [OriginRecord, OriginRecord]>()
  /** Where each record's origin is at the moment. */
  readonly #views = new Map<string, StreamView>()

  constructor(pair: OriginPair, feeds: readonly Feed[], relays: ReadonlyMap<string, Relay>) {
    this.pair = pair
    this.#feeds = feeds
    this.#relays = relays
    for (const { id } of feeds) {
      for (const track of TRACKS) {
        const urlOf = (origin: number) => () =>
          (this.#views.get(`${id} ${origin}`)?.playback.hls ?? '').replace('playlist.m3u8', `${track}/playlist.m3u8`)
        this.#records.set(`${id} ${track}`, [new OriginRecord(urlOf(0)), new OriginRecord(urlOf(1))])
      }
    }
  }

  record(id: string, track: string): readonly [OriginRecord, OriginRecord] {
    const pair = this.#records.get(`${id} ${track}`)
    if (pair === undefined) throw new Error('not recorded')
    return pair
  }

  /** Each step comes as soon as both origins have listed `cells` new segments of everything, however busy the machine is. */
  async run(cells: number): Promise<void> {
    for (const { id } of this.#feeds) for (const origin of [0, 1]) await this.#look(id, origin)
    const inTime = this.#feeds.filter(({ isLate }) => !isLate)
    const late = this.#feeds.filter(({ isLate }) => isLate)
    await Promise.all(this.#feeds.map(({ id }) => this.#publish(id, 0)))
    await Promise.all(inTime.map(({ id }) => this.#publish(id, 1)))
    await this.#waitFor(cells, 'together from the start', inTime, [0, 1])
    await this.#waitFor(cells, 'alone', late, [0])
    await Promise.all(late.map(({ id }) => this.#publish(id, 1)))
    await this.#waitFor(cells, 'after one has joined', this.#feeds, [0, 1])
    await this.#restart(1, () => this.pair.mirror(1).stop())
    await this.#waitFor(cells, 'after the restart', this.#feeds, [0, 1])
    await this.#restart(0, () => this.pair.mirror(0).kill())
    await this.#waitFor(cells, 'after the kill', this.#feeds, [0, 1])
    await this[Symbol.asyncDispose]()
  }

  /** Until these origins (the first among them) have in common so many segments more than any had before. */
  async #waitFor(cells: number, when: string, feeds: readonly Feed[], origins: readonly number[]): Promise<void> {
    const wanted = feeds.flatMap(({ id }) =>
      TRACKS.map((track) => {
        const records = this.record(id, track)
        const newest = Math.max(...records.flatMap(({ msns }) => msns.slice(-1)), 0)
        const watched = records.filter((_, origin) => origins.includes(origin))
        const common = () => records[0].msns.filter((msn) => watched.every(({ segments }) => segments.has(msn)))
        return { name: `${id} ${track}`, isThere: () => common().filter((msn) => msn > newest).length >= cells }
      }),
    )
    const deadline = performance.now() + STEP_WITHIN_MS
    for (let missing = wanted; missing.length > 0; missing = missing.filter(({ isThere }) => !isThere())) {
      if (performance.now() > deadline) throw new Error(`${when}: no segments of ${missing.map(({ name }) => name)}`)
      await delay(100)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#records.values()) for (const record of pair) await record[Symbol.asyncDispose]()
  }

  async #look(id: string, origin: number): Promise<void> {
    this.#views.set(`${id} ${origin}`, await this.pair.stream(origin, id))
  }

  async #publish(id: string, origin: number): Promise<void> {
    const { ingest } = this.#views.get(`${id} ${origin}`) ?? {}
    const { format } = this.#feeds.find((feed) => feed.id === id) ?? { format: 'ts' }
    const url = { ts: ingest?.srt, flv: ingest?.rtmp, cmaf: ingest?.cmaf }[format] ?? ''
    const output = await this.#relays.get(id)?.connect(url)
    if (output !== undefined) this.outputs.set(`${id} ${origin}`, output)
  }

  async #restart(origin: number, end: () => Promise<unknown>): Promise<void> {
    await end()
    await this.pair.mirror(origin).start()
    for (const { id } of this.#feeds) {
      await this.#look(id, origin)
      await this.outputs.get(`${id} ${origin}`)?.end()
      await this.#publish(id, origin)
    }
  }
}

/** `cells`: those of `run`, which makes four steps, three of them with the feeds that come late. */
export function expectSameNames(feeds: readonly Feed[], scenario: () => OriginScenario, cells: number): void {
  describe.each(feeds.map(({ id, isLate }) => ({ id, isLate })))('$id', ({ id, isLate }) => {
    test.each(TRACKS)('%s: what both origins list is the same in every byte, name, length and number', (track) => {
      const [a, b] = scenario().record(id, track)
      expect(a.contradictions).toEqual([])
      expect(b.contradictions).toEqual([])
      const both = a.msns.filter((msn) => b.segments.has(msn))
      expect(both.length).toBeGreaterThanOrEqual((isLate ? 3 : 4) * cells)
      // The first cell of the one that joined was seen by the other from its start.
      if (isLate) expect(a.msns[0]).toBeLessThan(b.msns[0] ?? 0)
      if (isLate) expect(both[0]).toBe(b.msns[0])
      expect(unlike(a, b)).toEqual([])
      const shared = [...a.hashes].filter(([uri]) => b.hashes.has(uri))
      expect(shared.length).toBeGreaterThan(both.length * 4)
    })

    test('nobody began a timeline entry of its own', () => {
      for (const origin of [0, 1]) {
        const dsns = TRACKS.flatMap((track) =>
          [...(scenario().record(id, track)[origin]?.segments.values() ?? [])].map(({ dsn }) => dsn),
        )
        expect([...new Set(dsns)]).toEqual([0])
      }
    })
  })

  test('the relay lost nothing on the way', () => {
    expect([...scenario().outputs].filter(([, { isOverrun }]) => isOverrun).map(([key]) => key)).toEqual([])
  })
}

/** Segments that both list, but differently, and names under which they serve different bytes. */
export function unlike(a: OriginRecord, b: OriginRecord): readonly unknown[] {
  const segments = a.msns.flatMap((msn) => {
    const [one, other] = [a.segments.get(msn), b.segments.get(msn)]
    return one === undefined || other === undefined || isSameListing(one, other) ? [] : [[one, other]]
  })
  const names = [...a.hashes].filter(([uri, hash]) => b.hashes.has(uri) && b.hashes.get(uri) !== hash)
  return [...segments, ...names.map(([uri]) => uri)]
}
