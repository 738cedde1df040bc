// A small presentation without a fault, as a watcher would have seen it: two renditions, real fMP4, exact times.
import { parseAvcConfigRecord } from '../media/codecs/avc-config.ts'
import { fragmentSize, writeFragmentInto } from '../media/fmp4/fragment.ts'
import { writeInitSegment } from '../media/fmp4/init-segment.ts'
import { type Directives, type Exchange, NO_DIRECTIVES, type Probe, type Purpose, withDirectives } from './exchange.ts'
import { Linter } from './linter.ts'
import { ALL_RULES } from './rules/all-rules.ts'

export const BASE = 'https://origin.test/live/'
export const T0 = Date.UTC(2026, 0, 1)
const PART_MS = 500
const SEGMENT_MS = 2000
const PARTS = 4
const FIRST_MSN = 100
const WINDOW = 20
/** Index of the segment that begins with EXT-X-DISCONTINUITY; it leaves the window while the watcher looks. */
const CUT = 8
const SKIP_UNTIL_SEC = 26
/** Published parts when the watch begins: 28 segments and 2 parts. */
export const FIRST_STATE = 28 * PARTS + 2
export const LAST_STATE = FIRST_STATE + 14
/** Parts arrive this long after their end. */
const DELAY_MS = 40

export type Track = 'v0' | 'a0'

/** An exchange that can still be changed; `text` is its body when it is a playlist. */
export type SceneExchange = { -readonly [K in keyof Exchange]: Exchange[K] } & {
  text: string | null
  readonly track: Track | null
  /** Number of parts published in all when it was answered. */
  readonly state: number
}

export interface Sample {
  duration: number
  /** Presentation time minus decode time. */
  cto: number
  isKeyframe: boolean
  bytes: number
}

export interface SceneOptions {
  /** Changes the samples of a part before it is written. */
  readonly samples?: (track: Track, part: number, samples: Sample[]) => void
  /** Added to the decode time of a part. */
  readonly shift?: (track: Track, part: number) => number
  /** Changes a whole media playlist before anybody sees it. */
  readonly text?: (text: string, track: Track, state: number) => string
}

export class Scene {
  readonly exchanges: SceneExchange[] = []

  /** Changes the playlists that fit. */
  edit(fits: (exchange: SceneExchange) => boolean, change: (text: string) => string): void {
    let edits = 0
    for (const exchange of this.exchanges) {
      if (exchange.text === null || !fits(exchange)) continue
      const before = exchange.text
      exchange.text = change(before)
      if (exchange.text !== before) edits++
    }
    if (edits === 0) throw new Error('the mutation changed nothing')
  }

  /** Changes every exchange that fits; there must be one. */
  change(fits: (exchange: SceneExchange) => boolean, change: (exchange: SceneExchange) => void): void {
    const found = this.exchanges.filter(fits)
    if (found.length === 0) throw new Error('the mutation found nothing')
    for (const exchange of found) change(exchange)
  }

  /** Ids of the rules that were broken, each once, in the order of the rules. */
  brokenRules(): string[] {
    return [...new Set(this.lint().map(({ rule }) => rule))]
  }

  lint(): ReturnType<Linter['finish']> {
    const first = this.exchanges[0]
    const linter = new Linter(first?.url ?? '', ALL_RULES)
    for (const { text, track: _track, state: _state, ...exchange } of this.exchanges) {
      linter.observe(text === null ? exchange : { ...exchange, body: new TextEncoder().encode(text) })
    }
    return linter.finish()
  }
}

/** A low-latency live presentation, watched for seven seconds, asked every question. */
export function liveScene(options: SceneOptions = {}): Scene {
  const scene = new Scene()
  const playlistOf = (track: Track, state: number, skip = false): string => {
    const text = livePlaylist(track, state, skip)
    return options.text?.(text, track, state) ?? text
  }
  const start = timeOf(FIRST_STATE) + 100
  add(scene, 'multivariant', `${BASE}main.m3u8`, start, { text: MULTIVARIANT })
  const tracks: readonly Track[] = ['v0', 'a0']
  for (const track of tracks) {
    add(scene, 'reload', playlistUrl(track), start + 20, {
      track,
      state: FIRST_STATE,
      text: playlistOf(track, FIRST_STATE),
    })
    for (const init of ['1', '2']) {
      add(scene, 'init', `${BASE}${track}/init${init}.mp4`, start + 40, { track, body: initSegment(track) })
    }
  }
  for (let state = FIRST_STATE + 1; state <= LAST_STATE; state++) {
    for (const [lane, track] of tracks.entries()) watchPart(scene, track, lane, state, playlistOf, options)
  }
  addProbes(scene, playlistOf, options)
  return scene
}

/** Twenty segments in one complete rendition without parts, all of them fetched. */
export function endedScene(options: SceneOptions = {}): Scene {
  const scene = new Scene()
  const start = T0 + 3_600_000
  add(scene, 'multivariant', `${BASE}main.m3u8`, start, { text: ENDED_MULTIVARIANT })
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:4',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-MAP:URI="init1.mp4"',
  ]
  for (let index = 0; index < WINDOW; index++) lines.push('#EXTINF:2.000,', `${index}.m4s`)
  const text = `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`
  for (const at of [start + 20, start + 2000]) {
    add(scene, 'reload', playlistUrl('v0'), at, {
      track: 'v0',
      text: options.text?.(text, 'v0', 0) ?? text,
      cache: 'public, max-age=60',
    })
  }
  add(scene, 'init', `${BASE}v0/init1.mp4`, start + 40, { track: 'v0', body: initSegment('v0') })
  for (let index = 0; index < WINDOW; index++) {
    const body = segmentBytes('v0', index, options)
    add(scene, 'segment', `${BASE}v0/${index}.m4s`, start + 50 + index, {
      track: 'v0',
      media: { msn: index, part: null },
      body,
    })
  }
  const directives = { msn: 40, part: 0, skip: 'YES' } as const
  add(scene, 'probe', playlistUrl('v0'), start + 3000, { track: 'v0', probe: 'ended-directives', directives, text })
  return scene
}

/** The same with an I-frame playlist, of which every range is fetched. */
export function trickScene(options: SceneOptions = {}): Scene {
  const scene = endedScene(options)
  const start = T0 + 3_600_000
  const url = `${BASE}v0/iframes.m3u8`
  const first = scene.exchanges[0]
  if (first !== undefined) first.text = `${first.text ?? ''}${IFRAME_VARIANT}`
  const ranges = Array.from({ length: WINDOW }, (_, index) => {
    const part = partBytes('v0', index * PARTS, options)
    // moof, the header of mdat, the first picture.
    return part.subarray(0, new DataView(part.buffer, part.byteOffset).getUint32(0) + 8 + KEYFRAME_BYTES)
  })
  const lines = [
    ...['#EXTM3U', '#EXT-X-VERSION:5', '#EXT-X-TARGETDURATION:4', '#EXT-X-PLAYLIST-TYPE:VOD', '#EXT-X-I-FRAMES-ONLY'],
    '#EXT-X-MAP:URI="init1.mp4"',
    ...ranges.flatMap((range, index) => ['#EXTINF:2.000,', `#EXT-X-BYTERANGE:${range.length}@0`, `${index}.m4s`]),
    '#EXT-X-ENDLIST',
  ]
  const of = { playlistUrl: url, track: 'v0' } as const
  const text = `${lines.join('\n')}\n`
  add(scene, 'reload', url, start + 25, { ...of, text, cache: 'public, max-age=60' })
  for (const [index, body] of ranges.entries()) {
    add(scene, 'segment', `${BASE}v0/${index}.m4s`, start + 80 + index, {
      ...of,
      media: { msn: index, part: null },
      range: { first: 0, last: body.length - 1 },
      status: 206,
      headers: { 'content-range': `bytes 0-${body.length - 1}/${segmentBytes('v0', index, options).length}` },
      body,
    })
  }
  return scene
}

/** A live presentation of MPEG-TS segments without multivariant playlist, parts and directives, polled. */
export function plainScene(options: SceneOptions = {}): Scene {
  const scene = new Scene()
  const url = playlistUrl('v0')
  const playlist = (count: number): string => {
    const lines = ['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-TARGETDURATION:4', `#EXT-X-MEDIA-SEQUENCE:${count - 8}`]
    for (let index = count - 8; index < count; index++) lines.push('#EXTINF:4.000,', `${index}.ts`)
    const text = `${lines.join('\n')}\n`
    return options.text?.(text, 'v0', count) ?? text
  }
  const poll = (atMs: number, count: number, purpose: Purpose = 'reload'): SceneExchange =>
    add(scene, purpose, url, atMs, { track: 'v0', state: count, text: playlist(count), cache: 'public, max-age=2' })
  poll(T0, 20, 'multivariant')
  for (let index = 0; index < 8; index++) poll(T0 + 500 + 2000 * index, 20 + Math.floor(index / 2))
  const body = new Uint8Array(188 * 100).fill(0x47)
  const media = { msn: 20, part: null }
  add(scene, 'segment', `${BASE}v0/20.ts`, T0 + 5000, { track: 'v0', media, body, type: 'video/mp2t' })
  add(scene, 'probe', url, T0 + 6000, {
    track: 'v0',
    probe: 'skip-unoffered',
    directives: { ...NO_DIRECTIVES, skip: 'YES' },
    text: playlist(21),
  })
  return scene
}

const CODECS = 'avc1.64001e,opus'
const MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0/playlist.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=180000,CODECS="${CODECS}",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO="audio"
v0/playlist.m3u8
`
const ENDED_MULTIVARIANT = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=180000,CODECS="avc1.64001e",RESOLUTION=640x360,FRAME-RATE=30.000
v0/playlist.m3u8
`

const KEYFRAME_BYTES = 500
const IFRAME_VARIANT =
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=4000,CODECS="avc1.64001e",RESOLUTION=640x360,URI="v0/iframes.m3u8"\n'

export function livePlaylist(track: Track, state: number, isDelta = false, moreSkipped = 0): string {
  const complete = Math.floor(state / PARTS)
  const open = state % PARTS
  const first = Math.max(0, complete - WINDOW)
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-TARGETDURATION:4',
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${SKIP_UNTIL_SEC}.0,HOLD-BACK=16.0,PART-HOLD-BACK=1.6`,
    '#EXT-X-PART-INF:PART-TARGET=0.5',
    `#EXT-X-MEDIA-SEQUENCE:${FIRST_MSN + first}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first > CUT ? 6 : 5}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ]
  // Two seconds each: so many begin and end beyond the boundary.
  const skipped = isDelta ? Math.max(0, complete - first - (SKIP_UNTIL_SEC / 2 + 1)) + moreSkipped : 0
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`)
  let map = ''
  for (let index = first + skipped; index <= complete; index++) {
    if (index === complete && open === 0) break
    if (index === CUT) lines.push('#EXT-X-DISCONTINUITY')
    const needed = `#EXT-X-MAP:URI="init${index < CUT ? 1 : 2}.mp4"`
    if (needed !== map) lines.push(needed)
    map = needed
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(T0 + index * SEGMENT_MS).toISOString()}`)
    for (let part = 0; index >= complete - 3 && part < (index === complete ? open : PARTS); part++) {
      const isIndependent = track === 'a0' || part === 0
      lines.push(
        `#EXT-X-PART:DURATION=0.50000,URI="p${index * PARTS + part}.m4s"${isIndependent ? ',INDEPENDENT=YES' : ''}`,
      )
    }
    if (index < complete) lines.push('#EXTINF:2.00000,', `${index}.m4s`)
  }
  const other = track === 'v0' ? 'a0' : 'v0'
  const last = open === 0 ? [complete - 1, PARTS - 1] : [complete, open - 1]
  lines.push(
    `#EXT-X-DATERANGE:ID="ad-1",START-DATE="${new Date(T0 + 26 * SEGMENT_MS).toISOString()}",DURATION=4.0`,
    `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${state}.m4s"`,
    `#EXT-X-RENDITION-REPORT:URI="../${other}/playlist.m3u8",LAST-MSN=${FIRST_MSN + (last[0] ?? 0)},LAST-PART=${last[1]}`,
  )
  return `${lines.join('\n')}\n`
}

/** One part later: the reload that waited for it, now and then the full playlist beside a delta update, and media. */
function watchPart(
  scene: Scene,
  track: Track,
  lane: number,
  state: number,
  playlistOf: (track: Track, state: number, skip?: boolean) => string,
  options: SceneOptions,
): void {
  const atMs = timeOf(state) + 5 * lane
  const asked = state - 1
  const directives: Directives = {
    msn: FIRST_MSN + Math.floor(asked / PARTS),
    part: asked % PARTS,
    skip: state % 2 === 0 ? 'YES' : null,
  }
  const media = { msn: directives.msn ?? 0, part: directives.part }
  const part = { track, state, media, body: partBytes(track, asked, options) }
  const reload = { track, state, requestedAtMs: timeOf(asked) + 30, cache: 'public, max-age=2' }
  const text = playlistOf(track, state, directives.skip !== null)
  add(scene, 'reload', playlistUrl(track), atMs, { ...reload, directives, text })
  if (state % 4 === 0) {
    const full = { ...directives, skip: null }
    add(scene, 'reload', playlistUrl(track), atMs + 15, {
      ...reload,
      requestedAtMs: atMs + 5,
      directives: full,
      text: playlistOf(track, state),
    })
  }
  // Only whole segments are looked into.
  if (asked < (Math.floor(FIRST_STATE / PARTS) + 1) * PARTS) return
  if (track === 'v0')
    add(scene, 'hint', `${BASE}${track}/p${asked}.m4s`, atMs + 20, { ...part, requestedAtMs: timeOf(asked) + 35 })
  else add(scene, 'part', `${BASE}${track}/p${asked}.m4s`, atMs + 20, part)
  if (state % PARTS !== 0) return
  const index = state / PARTS - 1
  const segment = {
    track,
    state,
    media: { msn: FIRST_MSN + index, part: null },
    body: segmentBytes(track, index, options),
  }
  add(scene, 'segment', `${BASE}${track}/${index}.m4s`, atMs + 30, segment)
}

function addProbes(scene: Scene, playlistOf: (track: Track, state: number) => string, options: SceneOptions): void {
  const url = playlistUrl('v0')
  const state = LAST_STATE
  const at = timeOf(state) + 50
  const last = FIRST_MSN + Math.floor(state / PARTS) - 1
  const ask = (probe: Probe, address: string, given: Parameters<typeof add>[4]): SceneExchange =>
    add(scene, 'probe', address, at, { track: 'v0', state, probe, ...given })
  const directives = (msn: number | null, part: number | null): { directives: Directives } => ({
    directives: { msn, part, skip: null },
  })
  const text = playlistOf('v0', state)
  ask('identity', url, { text, headers: { 'content-encoding': undefined }, acceptEncoding: 'identity' })
  ask('part-without-msn', url, { ...directives(null, 0), status: 400 })
  ask('far-ahead', url, { ...directives(last + 100, null), status: 400 })
  ask('old-msn', url, { ...directives(50, null), text })
  ask('part-rollover', url, { ...directives(last, PARTS), text: playlistOf('v0', state - (state % PARTS) + PARTS + 1) })
  ask('unknown-media', `${BASE}v0/none.m4s`, { status: 404, cache: 'public, max-age=1' })
  const index = Math.floor(FIRST_STATE / PARTS) + 1
  const segment = `${BASE}v0/${index}.m4s`
  const bytes = segmentBytes('v0', index, options)
  const isMedia = { media: { msn: FIRST_MSN + index, part: null }, body: bytes }
  ask('head', segment, { body: new Uint8Array(), headers: { 'content-length': String(bytes.length) }, method: 'HEAD' })
  ask('range', segment, {
    range: { first: 0, last: 99 },
    status: 206,
    body: bytes.subarray(0, 100),
    headers: { 'content-range': `bytes 0-99/${bytes.length}` },
  })
  ask('range-unsatisfiable', segment, { range: { first: 2 ** 40, last: 2 ** 40 + 1 }, status: 416 })
  ask('again', segment, { body: bytes, headers: mediaHeaders(segment) })
  ask('removed-part', `${BASE}v0/p100.m4s`, { body: partBytes('v0', 100, options) })
  ask('removed-segment', `${BASE}v0/8.m4s`, { ...isMedia, media: null })
}

interface Given {
  /** Default: the media playlist of the track. */
  readonly playlistUrl?: string
  readonly track?: Track
  readonly state?: number
  readonly text?: string
  readonly body?: Uint8Array
  readonly probe?: Probe
  readonly method?: 'GET' | 'HEAD'
  readonly directives?: Directives
  readonly media?: Exchange['media']
  readonly range?: Exchange['range']
  readonly status?: number
  readonly cache?: string
  readonly type?: string
  readonly acceptEncoding?: string
  readonly requestedAtMs?: number
  /** Undefined removes a header. */
  readonly headers?: Readonly<Record<string, string | undefined>>
}

function add(scene: Scene, purpose: Purpose, url: string, atMs: number, given: Given): SceneExchange {
  const directives = given.directives ?? NO_DIRECTIVES
  const isPlaylist = given.text !== undefined
  const headers: Record<string, string | undefined> = {
    date: new Date(atMs).toUTCString(),
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Age, Date',
    ...(isPlaylist
      ? {
          'content-type': 'application/vnd.apple.mpegurl',
          'cache-control': given.cache ?? 'public, max-age=1',
          'content-encoding': 'gzip',
          vary: 'Accept-Encoding',
        }
      : (given.status ?? 200) < 400
        ? { 'cache-control': 'public, max-age=31536000, immutable', ...mediaHeaders(url, given.type) }
        : { 'cache-control': given.cache ?? 'public, max-age=1' }),
    ...given.headers,
  }
  const exchange: SceneExchange = {
    purpose,
    probe: given.probe ?? null,
    method: given.method ?? 'GET',
    url: withDirectives(url, directives),
    playlistUrl:
      given.track === undefined || purpose === 'multivariant' ? null : (given.playlistUrl ?? playlistUrl(given.track)),
    directives,
    media: given.media ?? null,
    range: given.range ?? null,
    acceptEncoding: given.acceptEncoding ?? 'gzip',
    requestedAtMs: given.requestedAtMs ?? atMs - 10,
    headersAtMs: atMs,
    firstByteAtMs: atMs,
    completedAtMs: atMs + 3,
    status: given.status ?? 200,
    error: null,
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
    body: given.body ?? new Uint8Array(),
    text: given.text ?? null,
    track: given.track ?? null,
    state: given.state ?? 0,
  }
  scene.exchanges.push(exchange)
  return exchange
}

function mediaHeaders(url: string, type?: string): Record<string, string> {
  return {
    'content-type': type ?? (url.includes('/a0/') ? 'audio/mp4' : 'video/mp4'),
    etag: `"${url.slice(BASE.length)}"`,
  }
}

export function playlistUrl(track: Track): string {
  return `${BASE}${track}/playlist.m3u8`
}

/** When a state is first seen. */
function timeOf(state: number): number {
  return T0 + state * PART_MS + DELAY_MS
}

function initSegment(track: Track): Uint8Array {
  if (track === 'v0') {
    const record = Buffer.from(
      '0164001effe1001a6764001eacd940a02ff970110000030001000003003c0f162d9601000668ebe3cb22c0fdf8f800',
      'hex',
    )
    return writeInitSegment({ config: parseAvcConfigRecord(new Uint8Array(record)), timescale: 30_000 })
  }
  // dOps: version, channels, pre-skip, rate, gain, family.
  const configRecord = Uint8Array.of(0, 2, 1, 56, 0, 0, 0xbb, 0x80, 0, 0, 0)
  return writeInitSegment({
    config: {
      kind: 'audio',
      codec: 'opus',
      codecString: 'opus',
      sampleRateHz: 48_000,
      channels: 2,
      samplesPerFrame: 960,
      configRecord,
      language: 'und',
    },
    timescale: 48_000,
  })
}

function partBytes(track: Track, part: number, { samples: change, shift }: SceneOptions): Uint8Array {
  const isVideo = track === 'v0'
  const samples = Array.from({ length: isVideo ? 15 : 25 }, (_, index) => ({
    duration: isVideo ? 1000 : 960,
    cto: 0,
    isKeyframe: !isVideo || (index === 0 && part % PARTS === 0),
    bytes: isVideo ? 500 : 100,
  }))
  change?.(track, part, samples)
  const fragment = {
    kind: isVideo ? 'video' : 'audio',
    sequenceNumber: part,
    baseDecodeTime: part * (isVideo ? 15_000 : 24_000) + (shift?.(track, part) ?? 0),
    samples: samples.map(({ duration, isKeyframe, cto, bytes }) => ({
      duration,
      isKeyframe,
      cto,
      data: new Uint8Array(bytes).fill(part),
    })),
  } as const
  const bytes = new Uint8Array(fragmentSize(fragment))
  writeFragmentInto(fragment, bytes, 0)
  return bytes
}

function segmentBytes(track: Track, index: number, options: SceneOptions): Uint8Array {
  return Buffer.concat(Array.from({ length: PARTS }, (_, part) => partBytes(track, index * PARTS + part, options)))
}

/** A part of which half the samples lie in a second fragment. */
export function partInTwo(track: Track, part: number): Uint8Array {
  const whole = track === 'v0' ? 15 : 25
  const ticks = track === 'v0' ? 1000 : 960
  const half = Math.floor(whole / 2)
  const cut = (from: number, count: number): Uint8Array => {
    const fragment = {
      kind: track === 'v0' ? 'video' : 'audio',
      sequenceNumber: part,
      baseDecodeTime: (part * whole + from) * ticks,
      samples: Array.from({ length: count }, () => ({
        duration: ticks,
        isKeyframe: track === 'a0',
        cto: 0,
        data: new Uint8Array(9),
      })),
    } as const
    const bytes = new Uint8Array(fragmentSize(fragment))
    writeFragmentInto(fragment, bytes, 0)
    return bytes
  }
  return Buffer.concat([cut(0, half), cut(half, whole - half)])
}
