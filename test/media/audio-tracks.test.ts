// Several audio tracks in one input, and program maps that change while they play.
import { expect, test } from 'vitest'
import type { TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { crc32Mpeg } from '../../src/media/mpegts/section-reader.ts'
import { makeFixtureFile } from '../support/fixtures.ts'
import { Broadcast, expectSameMedia, play, sourceOf } from './broadcast.ts'
import { cutTs, packetsOf, pidOf } from './feeds.ts'

const MAP_PID = 0x1000
const LANGUAGES = ['eng', 'deu', 'eng'] as const
const FIRST_AUDIO_PID = 0x101

/** A picture with English, German and English audio for the blind, each with a tone of its own. */
function encoded(seconds: number): Promise<string> {
  const tones = LANGUAGES.flatMap((_, index) => [
    ...['-f', 'lavfi', '-i', `sine=frequency=${300 * (index + 1)}:sample_rate=48000:duration=${seconds}`],
  ])
  const named = LANGUAGES.flatMap((language, index) => [`-metadata:s:a:${index}`, `language=${language}`])
  return makeFixtureFile(
    [
      ...['-f', 'lavfi', '-i', `testsrc=size=96x64:rate=30:duration=${seconds}`, ...tones],
      ...['-map', '0:v', ...LANGUAGES.flatMap((_, index) => ['-map', `${index + 1}:a`])],
      ...['-pix_fmt', 'yuv420p', '-g', '60', '-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0'],
      ...['-c:a', 'aac', '-b:a', '48k', ...named, '-disposition:a:2', 'visual_impaired', '-f', 'mpegts'],
    ],
    'languages.ts',
  )
}

/** The program map in a packet, with its elementary streams changed. */
function remapped(packet: Uint8Array, change: (entries: readonly Uint8Array[]) => readonly Uint8Array[]): Uint8Array {
  const start = 5
  const sectionBytes = 3 + (((packet[start + 1]! & 0x0f) << 8) | packet[start + 2]!)
  const section = packet.subarray(start, start + sectionBytes)
  const firstEntry = 12 + (((section[10]! & 0x0f) << 8) | section[11]!)
  const entries: Uint8Array[] = []
  for (let at = firstEntry; at < section.length - 4; ) {
    const end = at + 5 + (((section[at + 3]! & 0x0f) << 8) | section[at + 4]!)
    entries.push(section.slice(at, end))
    at = end
  }
  const body = Buffer.concat([section.subarray(0, firstEntry), ...change(entries)])
  const length = body.length + 4 - 3
  body[1] = (body[1]! & 0xf0) | (length >>> 8)
  body[2] = length & 0xff
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32Mpeg(body))
  const changed = new Uint8Array(188).fill(0xff)
  changed.set(packet.subarray(0, start))
  changed.set(Buffer.concat([body, crc]), start)
  return changed
}

function entryPid(entry: Uint8Array): number {
  return ((entry[1]! & 0x1f) << 8) | entry[2]!
}

function onPid(entry: Uint8Array, pid: number): Uint8Array {
  const moved = entry.slice()
  moved[1] = 0xe0 | (pid >>> 8)
  moved[2] = pid & 0xff
  return moved
}

/** From `fromMs` until `toMs` the map has other entries; packets of PIDs that it does not name are not sent. */
function remappedBetween(
  media: readonly TimedBytes[],
  fromMs: number,
  toMs: number,
  change: (entries: readonly Uint8Array[]) => readonly Uint8Array[],
  isSent: (pid: number) => boolean,
): TimedBytes[] {
  return media.map(({ atMs, bytes }) => {
    if (atMs < fromMs || atMs >= toMs) return { atMs, bytes }
    const packets = packetsOf(bytes)
      .filter((packet) => isSent(pidOf(packet)))
      .map((packet) => (pidOf(packet) === MAP_PID ? remapped(packet, change) : packet))
    return { atMs, bytes: new Uint8Array(Buffer.concat(packets)) }
  })
}

test('three audio tracks come through whole, with their languages and roles', async () => {
  const path = await encoded(8)
  const broadcast = await play('ts', cutTs(await sourceOf(path)))
  broadcast.expectLegal()
  await expectSameMedia(broadcast, path, { trackIds: ['v0', 'a0', 'a1', 'a2'] })
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.repairs()).toEqual({})
  const { variants } = broadcast.stage.multivariant()
  expect(variants.filter(({ isIFrameOnly }) => !isIFrameOnly)).toHaveLength(1)
  expect(
    variants[0]?.audio.map(({ uri, language, name, isDefault, autoselect, characteristics }) => [
      ...[uri, language, name, isDefault, autoselect, characteristics],
    ]),
  ).toEqual([
    ['a0/playlist.m3u8', 'en', 'English', true, true, undefined],
    ['a1/playlist.m3u8', 'de', 'Deutsch', false, true, undefined],
    ['a2/playlist.m3u8', 'en', 'English (audio description)', false, true, 'public.accessibility.describes-video'],
  ])
})

test('settings name tracks, and new names show in the next multivariant playlist', async () => {
  const media = cutTs(await sourceOf(await encoded(8)))
  const described = { language: null, name: null, role: null, isDefault: false }
  const broadcast = await play('ts', media, {
    settings: { tracks: [{ ...described, id: 'a1', name: 'Stadion', language: 'de-AT', role: 'commentary' }] },
  })
  const labels = () =>
    broadcast.stage
      .multivariant()
      .variants[0]?.audio.map(({ name, language, isDefault }) => [name, language, isDefault])
  expect(labels()?.[1]).toEqual(['Stadion', 'de-AT', false])
  broadcast.stage.update({ tracks: [{ ...described, id: 'a1', isDefault: true }] })
  expect(labels()).toEqual([
    ['English', 'en', false],
    ['Deutsch', 'de', true],
    ['English (audio description)', 'en', false],
  ])
})

test('a language that leaves the program has gaps and comes back under its name; the others do not notice', async () => {
  const german = FIRST_AUDIO_PID + 1
  const media = remappedBetween(
    cutTs(await sourceOf(await encoded(24))),
    6000,
    16_000,
    (entries) => entries.filter((entry) => entryPid(entry) !== german),
    (pid) => pid !== german,
  )
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  for (const id of ['v0', 'a0', 'a2']) {
    expect(broadcast.gaps(id), `gaps of ${id}`).toBe(0)
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(0)
  }
  const outage = broadcast.segments('a1').map(({ isGap }) => isGap)
  expect(outage.filter(Boolean).length).toBeGreaterThan(2)
  expect(outage.slice(0, 2).concat(outage.slice(-3))).toEqual([false, false, false, false, false])
  expect(broadcast.discontinuities('a1')).toBe(0)
  expect(broadcast.repairs()).toMatchObject({ track_gone: 1 })
  // Each tone is where it was: the track that follows has not moved up.
  expect(broadcast.stage.multivariant().variants[0]?.audio.map(({ language }) => language)).toEqual(['en', 'de', 'en'])
})

test('a language that joins in mid-stream is left out, by name, and changes nothing', async () => {
  const last = FIRST_AUDIO_PID + 2
  const media = remappedBetween(
    cutTs(await sourceOf(await encoded(12))),
    0,
    6000,
    (entries) => entries.filter((entry) => entryPid(entry) !== last),
    (pid) => pid !== last,
  )
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  for (const id of ['v0', 'a0', 'a1']) {
    expect(broadcast.gaps(id), `gaps of ${id}`).toBe(0)
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(0)
  }
  expect(broadcast.segments('a2')).toEqual([])
  expect(broadcast.repairs()).toEqual({ track_late: 1 })
  expect(broadcast.stage.told('stream.warning').map(({ code, message }) => [code, message])).toEqual([
    [
      'track_late',
      'Left out: audio in en on PID 259 (tracks are fixed when a publisher connects; let it connect again)',
    ],
  ])
})

test('the order of the map and a move to other PIDs do not change which track is which', async () => {
  const moved = (pid: number) => (pid >= FIRST_AUDIO_PID && pid < FIRST_AUDIO_PID + 3 ? 0x180 - pid : pid)
  const path = await encoded(8)
  const media = cutTs(await sourceOf(path)).map(({ atMs, bytes }) => {
    const packets = packetsOf(bytes).map((packet) => {
      if (pidOf(packet) === MAP_PID)
        return remapped(packet, (entries) =>
          entries.map((entry) => onPid(entry, atMs < 4000 ? entryPid(entry) : moved(entryPid(entry)))).toReversed(),
        )
      const pid = atMs < 4000 ? pidOf(packet) : moved(pidOf(packet))
      const copy = packet.slice()
      copy[1] = (copy[1]! & 0xe0) | (pid >>> 8)
      copy[2] = pid & 0xff
      return copy
    })
    return { atMs, bytes: new Uint8Array(Buffer.concat(packets)) }
  })
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  const { variants } = broadcast.stage.multivariant()
  expect(variants[0]?.audio.map(({ language }) => language)).toEqual(['en', 'de', 'en'])
  for (const id of ['v0', 'a0', 'a1', 'a2']) {
    expect(broadcast.gaps(id), `gaps of ${id}`).toBe(0)
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(0)
  }
  expect(broadcast.repairs()).not.toHaveProperty('track_gone')
})

/** One moof and mdat at a time, after the header. */
function fragmentsOf(file: Uint8Array, fragmentMs: number): TimedBytes[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const starts: number[] = []
  for (let at = 0; at + 8 <= file.length; at += view.getUint32(at)) {
    if (Buffer.from(file.subarray(at + 4, at + 8)).toString() === 'moof') starts.push(at)
  }
  const cut = [0, ...starts, file.length]
  return cut.slice(0, -1).map((start, index) => ({
    atMs: index * fragmentMs,
    bytes: file.slice(start, cut[index + 1]),
  }))
}

test('CMAF: English in AAC and Opus, French in AAC: a group for each codec, with the same members', async () => {
  const file = await sourceOf(
    await makeFixtureFile(
      [
        ...['-f', 'lavfi', '-i', 'testsrc=size=96x64:rate=30:duration=8'],
        ...[300, 600].flatMap((hz) => ['-f', 'lavfi', '-i', `sine=frequency=${hz}:sample_rate=48000:duration=8`]),
        ...['-map', '0:v', '-map', '1:a', '-map', '1:a', '-map', '2:a', '-pix_fmt', 'yuv420p', '-g', '30'],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-c:a:1', 'libopus', '-b:a', '48k'],
        ...['eng', 'eng', 'fra'].flatMap((language, index) => [`-metadata:s:a:${index}`, `language=${language}`]),
        ...['-frag_duration', '500000', '-movflags', 'empty_moov+delay_moov+default_base_moof+skip_trailer'],
        ...['-strict', '-2', '-f', 'mp4'],
      ],
      'codecs.mp4',
    ),
  )
  const broadcast = await play('fmp4', fragmentsOf(file, 500))
  broadcast.expectLegal()
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.repairs()).toEqual({})
  const variants = broadcast.stage.multivariant().variants.filter(({ isIFrameOnly }) => !isIFrameOnly)
  expect(
    variants.map(({ codecs, audio }) => [codecs, audio.map(({ groupId, uri, name }) => [groupId, uri, name])]),
  ).toEqual([
    [
      expect.stringMatching(/^avc1\.\w+,mp4a\.40\.2$/),
      [
        ['audio-aac', 'a0/playlist.m3u8', 'English'],
        ['audio-aac', 'a2/playlist.m3u8', 'Français'],
      ],
    ],
    [
      expect.stringMatching(/^avc1\.\w+,opus,mp4a\.40\.2$/),
      [
        ['audio-opus', 'a1/playlist.m3u8', 'English'],
        ['audio-opus', 'a2/playlist.m3u8', 'Français'],
      ],
    ],
  ])
})

test('CMAF, one request per track: whichever comes first, each is the track that its address names', async () => {
  const single = async (args: readonly string[], name: string) =>
    fragmentsOf(
      await sourceOf(
        await makeFixtureFile(
          [
            ...args,
            ...['-frag_duration', '500000', '-movflags', 'empty_moov+delay_moov+default_base_moof+skip_trailer'],
            ...['-f', 'mp4'],
          ],
          name,
        ),
      ),
      500,
    )
  const tone = (hz: number, language: string) =>
    single(
      [
        ...['-f', 'lavfi', '-i', `sine=frequency=${hz}:sample_rate=48000:duration=10`],
        ...['-c:a', 'aac', '-b:a', '48k', '-metadata:s:a:0', `language=${language}`],
      ],
      `${language}.mp4`,
    )
  const picture = await single(
    [
      ...['-f', 'lavfi', '-i', 'testsrc=size=96x64:rate=30:duration=10', '-pix_fmt', 'yuv420p', '-g', '30'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'],
    ],
    'picture.mp4',
  )
  const feeds = { a1: await tone(600, 'deu'), v0: picture, a0: await tone(300, 'eng') }
  const broadcast = new Broadcast()
  const { stage } = broadcast
  const startMs = stage.nowMs
  for (const trackId of Object.keys(feeds)) {
    stage.stream.open({
      ...{ kind: 'open', inputId: trackId, streamId: 'stage', protocol: 'cmaf', container: 'fmp4' },
      ...{ trackId, openedAtMs: stage.nowMs },
    })
  }
  const pieces = Object.entries(feeds).flatMap(([input, media]) => media.map((piece) => ({ ...piece, input })))
  for (const { atMs, bytes, input } of pieces.toSorted((a, b) => a.atMs - b.atMs)) {
    await broadcast.wait(Math.max(0, startMs + atMs - stage.nowMs))
    stage.stream.data(input, bytes.slice(), stage.nowMs)
  }
  await broadcast.wait(100)
  expect(broadcast.problems).toEqual([])
  expect(stage.endedInputs).toEqual([])
  const { audio } = stage.multivariant().variants[0] ?? {}
  expect(audio?.map(({ uri, language, isDefault }) => [uri, language, isDefault])).toEqual([
    ['a0/playlist.m3u8', 'en', true],
    ['a1/playlist.m3u8', 'de', false],
  ])
  for (const id of ['v0', 'a0', 'a1']) {
    expect(broadcast.gaps(id), `gaps of ${id}`).toBe(0)
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(0)
  }
  expect(broadcast.repairs()).toEqual({})
})
