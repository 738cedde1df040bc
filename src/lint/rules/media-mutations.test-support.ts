// One mutation for each rule about media and about HTTP.
import { partInTwo, type Scene, type SceneExchange } from '../presentation.test-support.ts'
import {
  both,
  ended,
  header,
  live,
  type Mutation,
  main,
  media,
  nothing,
  probe,
  reloadsOf,
  repeat,
  status,
  trick,
} from './mutations.test-support.ts'

/** In the last segment, of which the first part is then not known: nothing compares it with the segment. */
const PART = 125

export const MEDIA_MUTATIONS: readonly Mutation[] = [
  live(
    'init-readable',
    'no mvex',
    bytes(
      (one) => one.url.endsWith('v0/init2.mp4'),
      (body) => rename(body, 'mvex', 'free'),
    ),
  ),
  live(
    'init-readable',
    'cut short',
    bytes(
      (one) => one.url.endsWith('v0/init2.mp4'),
      (body) => body.subarray(0, 200),
    ),
  ),
  live(
    'media-readable',
    'cut short',
    bytes(audioSegment, (body) => body.subarray(0, body.length - 10)),
  ),
  live(
    'fragment-present',
    'an empty box',
    lonePart(() => Uint8Array.of(0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65)),
  ),
  live(
    'fragment-decode-time',
    'no tfdt',
    lonePart((body) => rename(body, 'tfdt', 'free')),
  ),
  live(
    'fragment-relative',
    'offsets from the start of the file',
    lonePart((body) => poke(body, 'tfhd', 5, 0)),
  ),
  live('fragment-complete', 'ten bytes missing in mdat', lonePart(shortMdat)),
  live(
    'track-known',
    'track 7',
    lonePart((body) => poke(body, 'tfhd', 11, 7)),
  ),
  live('sample-durations', 'a sample of no length', nothing, {
    samples: (track, part, samples) => {
      if (track !== 'a0' || part !== PART) return
      setDuration(samples[0], 0)
      setDuration(samples[1], 1920)
    },
  }),
  live('part-duration-true', '10 ms too short, the next too long', nothing, {
    samples: (track, part, samples) => {
      if (track === 'a0' && part === PART) setDuration(samples[0], 480)
      if (track === 'a0' && part === PART + 1) setDuration(samples[0], 1440)
    },
    shift: (track, part) => (track === 'a0' && part === PART + 1 ? -480 : 0),
  }),
  ended('segment-duration-true', '50 ms too short', media(null, '2.000,\n5.m4s', '1.950,\n5.m4s')),
  live('decode-time-continuous', 'a jump of 10 ms', nothing, {
    shift: (track, part) => (track === 'v0' && part >= 120 ? 300 : 0),
  }),
  live(
    'segment-is-parts',
    'another last byte',
    bytes(audioSegment, (body) => Buffer.concat([body.subarray(0, -1), Uint8Array.of(1)])),
  ),
  live(
    'segment-is-parts',
    'a box more',
    bytes(audioSegment, (body) => Buffer.concat([Uint8Array.of(0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65), body])),
  ),
  live(
    'part-one-fragment',
    'two',
    lonePart(() => partInTwo('a0', PART)),
  ),
  live('independent-part-true', 'no sync sample', media('v0', 'URI="p117.m4s"', 'URI="p117.m4s",INDEPENDENT=YES')),
  live(
    'independent-part-marked',
    'a sync sample unmarked',
    media('v0', 'URI="p120.m4s",INDEPENDENT=YES', 'URI="p120.m4s"'),
  ),
  live('independent-segments-true', 'the second sample is the first sync sample', nothing, {
    samples: (track, part, samples) => {
      if (track !== 'v0' || part !== 120) return
      setKeyframe(samples[0], false)
      setKeyframe(samples[1], true)
    },
  }),
  live(
    'segment-keyframe',
    'none',
    both(
      media('v0', 'URI="p120.m4s",INDEPENDENT=YES', 'URI="p120.m4s"'),
      media(null, '#EXT-X-INDEPENDENT-SEGMENTS\n', ''),
    ),
    {
      samples: (track, part, samples) => (track === 'v0' && part === 120 ? setKeyframe(samples[0], false) : undefined),
    },
  ),
  ended(
    'bitrate-tag',
    'a tenth of it',
    media(null, '#EXTINF:2.000,\n5.m4s', '#EXT-X-BITRATE:12\n#EXTINF:2.000,\n5.m4s'),
  ),

  trick('iframe-range-whole', 'ten bytes of the picture missing', (scene) =>
    scene.change(
      (one) => one.range !== null && one.url.endsWith('/3.m4s'),
      (one) => {
        one.body = one.body.subarray(0, -10)
        const last = one.body.length - 1
        one.range = { first: 0, last }
        one.headers = { ...one.headers, 'content-range': `bytes 0-${last}/30000` }
      },
    ),
  ),
  trick(
    'iframe-range-whole',
    'no moof',
    bytes(
      (one) => one.range !== null && one.url.endsWith('/3.m4s'),
      (body) => rename(body, 'moof', 'free'),
    ),
  ),
  trick(
    'iframe-keyframe',
    'no sync sample',
    bytes(
      (one) => one.range !== null && one.url.endsWith('/3.m4s'),
      (body) => poke(poke(body, 'trun', 16, 1), 'trun', 17, 1), // first_sample_flags
    ),
  ),
  trick('iframe-bandwidth', 'half of it', main('BANDWIDTH=4000,', 'BANDWIDTH=1000,')),
  live('codecs-complete', 'audio is missing', main('avc1.64001e,opus', 'avc1.64001e')),
  live('codecs-exact', 'another level', main('avc1.64001e', 'avc1.640028')),
  live('codecs-present-in-media', 'AAC, too', main('avc1.64001e,opus', 'avc1.64001e,opus,mp4a.40.2')),
  live('resolution-true', '1280x720', main('640x360', '1280x720')),
  live('frame-rate-true', '25', main('FRAME-RATE=30.000', 'FRAME-RATE=25.000')),
  live(
    'bandwidth-peak',
    'half of it',
    main('BANDWIDTH=200000,AVERAGE-BANDWIDTH=180000', 'BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000'),
  ),
  ended('bandwidth-average', 'too little', main('AVERAGE-BANDWIDTH=180000', 'AVERAGE-BANDWIDTH=100000')),

  live('playlist-type', 'text/plain', header(reloadsOf('v0'), 'content-type', 'text/plain')),
  live('media-type', 'application/octet-stream', header(audioSegment, 'content-type', 'application/octet-stream')),
  live(
    'media-loads',
    'status 404',
    status((one) => one.purpose === 'part' && one.state === 120, 404),
  ),
  live(
    'media-unchanged',
    'other bytes',
    bytes(probe('again'), (body) => body.subarray(1)),
  ),
  live('media-unchanged', 'another ETag', header(probe('again'), 'etag', '"other"')),
  live('playlist-gzip', 'uncompressed', header(reloadsOf('v0'), 'content-encoding', null)),
  live('probe-identity', 'compressed all the same', header(probe('identity'), 'content-encoding', 'gzip')),
  live('vary-encoding', 'no Vary', header(reloadsOf('v0'), 'vary', null)),
  live('vary-narrow', 'Cookie', header(reloadsOf('v0'), 'vary', 'Accept-Encoding, Cookie')),
  live(
    'playlist-cache-short',
    '100 s',
    header((one) => reloadsOf('v0')(one) && one.directives.msn === null, 'cache-control', 'max-age=100'),
  ),
  live(
    'playlist-cache-short',
    '30 s after a blocking reload',
    header((one) => reloadsOf('v0')(one) && one.directives.msn !== null, 'cache-control', 'max-age=30'),
  ),
  live('playlist-cacheable', 'no-store', header(reloadsOf('v0'), 'cache-control', 'no-store')),
  live('media-cache-long', '5 s', header(audioSegment, 'cache-control', 'max-age=5')),
  live('error-cache-short', 'a 404 for ten minutes', header(probe('unknown-media'), 'cache-control', 'max-age=600')),
  live('cors', 'nobody', header(audioSegment, 'access-control-allow-origin', null)),
  live('cors-age', 'Date alone', header(reloadsOf('v0'), 'access-control-expose-headers', 'Date')),
  live('media-validator', 'neither', header(audioSegment, 'etag', null)),
  live('date-header', 'none', header(audioSegment, 'date', null)),
  live(
    'retry-after',
    'none',
    repeat(reloadsOf('v0'), (one) => {
      one.status = 503
      one.text = null
    }),
  ),
  live('byte-range', 'other bytes than asked for', header(probe('range'), 'content-range', 'bytes 5-104/30000')),
  live('probe-range', 'status 200', status(probe('range'), 200)),
  live('probe-range-unsatisfiable', 'status 404', status(probe('range-unsatisfiable'), 404)),
  live('probe-head', 'another length', header(probe('head'), 'content-length', '1')),
  live('probe-unknown-media', 'status 200', status(probe('unknown-media'), 200)),
  live('probe-removed-part', 'status 404', status(probe('removed-part'), 404)),
  live('probe-removed-segment', 'status 404', status(probe('removed-segment'), 404)),
]

function audioSegment(one: SceneExchange): boolean {
  return one.purpose === 'segment' && one.track === 'a0'
}

function bytes(
  fits: (exchange: SceneExchange) => boolean,
  change: (body: Uint8Array) => Uint8Array,
): (scene: Scene) => void {
  return (scene) =>
    scene.change(fits, (one) => {
      one.body = change(one.body)
    })
}

function lonePart(change: (body: Uint8Array) => Uint8Array): (scene: Scene) => void {
  return (scene) => {
    const first = scene.exchanges.findIndex((one) => one.purpose === 'part' && one.url.endsWith(`a0/p${PART - 1}.m4s`))
    scene.exchanges.splice(first, 1)
    bytes((one) => one.purpose === 'part' && one.url.endsWith(`a0/p${PART}.m4s`), change)(scene)
  }
}

function rename(body: Uint8Array, from: string, to: string): Uint8Array {
  const at = Buffer.from(body).indexOf(from)
  return Buffer.concat([body.subarray(0, at), Buffer.from(to), body.subarray(at + 4)])
}

/** Sets one byte, counted from the end of the type of a box: 0 is its version. */
function poke(body: Uint8Array, type: string, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(body)
  copy[copy.indexOf(type) + offset] = value
  return copy
}

function shortMdat(body: Uint8Array): Uint8Array {
  const copy = Buffer.from(body.subarray(0, body.length - 10))
  const at = copy.indexOf('mdat') - 4
  copy.writeUInt32BE(copy.readUInt32BE(at) - 10, at)
  return copy
}

function setDuration(sample: { duration: number } | undefined, duration: number): void {
  if (sample !== undefined) sample.duration = duration
}

function setKeyframe(sample: { isKeyframe: boolean } | undefined, isKeyframe: boolean): void {
  if (sample !== undefined) sample.isKeyframe = isKeyframe
}
