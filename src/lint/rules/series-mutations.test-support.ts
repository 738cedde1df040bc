// One mutation for each rule about playlists over time and against each other.
import { FIRST_STATE, LAST_STATE, livePlaylist, playlistUrl, type SceneExchange } from '../presentation.test-support.ts'
import {
  both,
  ended,
  everywhere,
  header,
  live,
  type Mutation,
  main,
  media,
  nothing,
  plain,
  probe,
  reloadsOf,
  repeat,
  status,
} from './mutations.test-support.ts'

const LATER = FIRST_STATE + 3
const isDelta = (one: SceneExchange): boolean => one.purpose === 'reload' && one.directives.skip !== null
const DATE_RANGE = /#EXT-X-DATERANGE.*\n/

export const SERIES_MUTATIONS: readonly Mutation[] = [
  live('target-duration-fixed', '4 becomes 3', media('v0', 'TARGETDURATION:4', 'TARGETDURATION:3', LATER)),
  live('part-target-fixed', '0.5 becomes 0.51', media('v0', 'PART-TARGET=0.5', 'PART-TARGET=0.51', LATER)),
  live('server-control-fixed', 'HOLD-BACK changes', media('v0', 'HOLD-BACK=16.0', 'HOLD-BACK=17.0', LATER)),
  live('header-fixed', 'EXT-X-INDEPENDENT-SEGMENTS goes', media('v0', '#EXT-X-INDEPENDENT-SEGMENTS\n', '', LATER)),
  plain('msn-not-lower', '14 becomes 13', (scene) => {
    const last = scene.exchanges.findLast(({ purpose, state }) => purpose === 'reload' && state === 22)
    scene.edit(
      (one) => one === last,
      (text) => text.replace('SEQUENCE:14\n', 'SEQUENCE:13\n#EXTINF:4.000,\n13.ts\n'),
    )
  }),
  live('dsn-not-lower', '6 becomes 5', media(null, 'DISCONTINUITY-SEQUENCE:6', 'DISCONTINUITY-SEQUENCE:5', 119)),
  plain('segment-unchanged', 'another EXTINF', media('v0', '4.000,\n19.ts', '3.900,\n19.ts', 22)),
  plain('segment-unchanged', 'another URI', media('v0', '19.ts', '19b.ts', 22)),
  plain('msn-counts-removed', 'counts one too many', media('v0', 'SEQUENCE:14', 'SEQUENCE:15', 22)),
  live(
    'dsn-kept',
    'a discontinuity leaves uncounted',
    media(null, 'DISCONTINUITY-SEQUENCE:6', 'DISCONTINUITY-SEQUENCE:5'),
  ),
  live('part-unchanged', 'another DURATION', media('v0', '0.50000,URI="p112.m4s"', '0.49999,URI="p112.m4s"', LATER)),
  plain('edge-not-backward', 'the last segment goes', (scene) => {
    const last = scene.exchanges.findLast(({ purpose, state }) => purpose === 'reload' && state === 22)
    scene.edit(
      (one) => one === last,
      (text) => text.replace('#EXTINF:4.000,\n21.ts\n', ''),
    )
  }),
  plain('window-minimum', 'two segments are left', nothing, {
    text: (text, _, count) =>
      count < 21
        ? text
        : `${text.replace(/SEQUENCE:[\s\S]*/, `SEQUENCE:${count - 2}`)}\n#EXTINF:4.000,\n${count - 2}.ts\n#EXTINF:4.000,\n${count - 1}.ts\n`,
  }),
  plain('typed-playlist-kept', 'an EVENT forgets', everywhere('VERSION:3', 'VERSION:3\n#EXT-X-PLAYLIST-TYPE:EVENT')),
  ended('ended-stays-ended', 'EXT-X-ENDLIST goes', (scene) => {
    const last = scene.exchanges.findLast(({ purpose }) => purpose === 'reload')
    scene.edit(
      (one) => one === last,
      (text) => text.replace('#EXT-X-ENDLIST\n', ''),
    )
    header((one) => one === last, 'cache-control', 'max-age=1')(scene)
  }),
  plain('segment-in-time', 'nothing new for 14 s', (scene) => {
    const first = scene.exchanges[0]?.text ?? ''
    scene.change(
      ({ purpose }) => purpose === 'reload',
      (one) => {
        one.text = first
      },
    )
  }),
  live('part-in-time', 'a part comes a second late', (scene) => {
    const late = LATER + 2
    for (const one of scene.exchanges) {
      if (one.purpose === 'probe' || one.state < late) continue
      const waited = one.purpose === 'reload' && one.state === late && one.headersAtMs - one.requestedAtMs > 100
      if (!waited && one.purpose !== 'hint') one.requestedAtMs += 1000
      one.headersAtMs += 1000
      one.firstByteAtMs += 1000
      one.completedAtMs += 1000
    }
  }),

  live('delta-given', 'full playlists for _HLS_skip', (scene) =>
    scene.change(
      (one) => isDelta(one) && one.track === 'v0',
      (one) => {
        one.text = livePlaylist('v0', one.state)
      },
    ),
  ),
  live('delta-boundary', 'one segment too few is skipped', (scene) =>
    scene.change(
      (one) => isDelta(one) && one.track === 'v0',
      (one) => {
        one.text = livePlaylist('v0', one.state, true, -1)
      },
    ),
  ),
  live('delta-boundary', 'three segments too many are skipped', (scene) =>
    scene.change(
      (one) => isDelta(one) && one.track === 'v0',
      (one) => {
        one.text = livePlaylist('v0', one.state, true, 3)
      },
    ),
  ),
  live('delta-equals-full', 'another EXTINF in deltas', (scene) =>
    scene.edit(
      (one) => isDelta(one) && one.track === 'v0',
      (text) => text.replace('2.00000,\n20.m4s', '1.99900,\n20.m4s'),
    ),
  ),
  live('delta-applies', 'skips what was never listed', (scene) =>
    scene.edit(
      (one) => isDelta(one) && one.track === 'v0' && one.state === LAST_STATE,
      (text) => text.replace(/SKIPPED-SEGMENTS=\d+/, 'SKIPPED-SEGMENTS=40'),
    ),
  ),
  live('delta-unasked', 'EXT-X-SKIP without _HLS_skip', (scene) =>
    scene.change(
      (one) => reloadsOf('v0')(one) && one.state === LATER,
      (one) => {
        one.text = livePlaylist('v0', one.state, true)
      },
    ),
  ),
  live(
    'delta-removed-dateranges',
    'none for v2',
    both(
      repeat(probe('identity'), (one) => {
        one.probe = 'skip-v2'
        one.directives = { msn: null, part: null, skip: 'v2' }
        one.text = livePlaylist('v0', LAST_STATE, true)
      }),
      media(null, 'CAN-BLOCK-RELOAD=YES,', 'CAN-BLOCK-RELOAD=YES,CAN-SKIP-DATERANGES=YES,'),
    ),
  ),
  live('reload-holds-asked', 'answered a part too early', (scene) =>
    scene.change(
      (one) => reloadsOf('v0')(one) && one.state === LATER,
      (one) => {
        one.text = livePlaylist('v0', one.state - 1)
      },
    ),
  ),
  live(
    'reload-answered',
    'status 500',
    status((one) => reloadsOf('v0')(one) && one.state === LATER, 500),
  ),
  live(
    'hold-limit',
    '404 after 14 s',
    repeat(reloadsOf('v0'), (one) => {
      one.status = 404
      one.text = null
      one.requestedAtMs = one.headersAtMs - 14_000
    }),
  ),
  live('probe-part-without-msn', 'status 404', status(probe('part-without-msn'), 404)),
  live('probe-far-ahead', 'status 404', status(probe('far-ahead'), 404)),
  live('probe-far-ahead', '400 after two seconds', (scene) =>
    scene.change(probe('far-ahead'), (one) => {
      one.requestedAtMs -= 2000
    }),
  ),
  live('probe-old-msn', 'status 400', status(probe('old-msn'), 400)),
  live('probe-part-rollover', 'status 400', status(probe('part-rollover'), 400)),
  live('probe-part-rollover', 'an answer without the next segment', (scene) =>
    scene.change(probe('part-rollover'), (one) => {
      one.text = livePlaylist('v0', LAST_STATE)
    }),
  ),
  plain('probe-skip-unoffered', 'status 400', status(probe('skip-unoffered'), 400)),
  ended('probe-ended-directives', 'status 400', status(probe('ended-directives'), 400)),

  live('hint-present', 'none', media('v0', /#EXT-X-PRELOAD-HINT.*\n/, '')),
  live('hint-single', 'two', media('v0', /(#EXT-X-PRELOAD-HINT.*\n)/, '$1$1')),
  ended(
    'hint-none-at-end',
    'a hint at nothing',
    media(null, '#EXT-X-ENDLIST', '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p1.m4s"\n#EXT-X-ENDLIST'),
  ),
  live('hint-kept', 'another part comes', media('v0', /(#EXT-X-PRELOAD-HINT:TYPE=PART,URI=")p/, '$1x', LATER, LATER)),
  live(
    'hint-answered',
    '404 for a part that comes',
    status((one) => one.purpose === 'hint' && one.state === 120, 404),
  ),
  live('hint-full-speed', 'bytes come as they are made', (scene) =>
    scene.change(
      (one) => one.purpose === 'hint' && one.state === 120,
      (one) => {
        one.completedAtMs += 400
      },
    ),
  ),
  live('report-present', 'none', media('v0', /#EXT-X-RENDITION-REPORT.*\n/, '')),
  live('report-uri', 'an absolute address', media('v0', '../a0/playlist.m3u8', playlistUrl('a0'))),
  live(
    'report-no-directives',
    "the reader's own",
    media('v0', '../a0/playlist.m3u8', '../a0/playlist.m3u8?_HLS_msn=1'),
  ),
  live('report-fresh', 'a segment behind', (scene) =>
    scene.edit(
      (one) => reloadsOf('v0')(one) && one.state >= 122,
      (text) => text.replace(/LAST-MSN=(\d+)/, (_, msn) => `LAST-MSN=${Number(msn) - 1}`),
    ),
  ),
  live('report-real', 'a segment ahead', (scene) =>
    scene.edit(
      (one) => reloadsOf('v0')(one) && one.state === LATER,
      (text) => text.replace(/LAST-MSN=(\d+)/, (_, msn) => `LAST-MSN=${Number(msn) + 1}`),
    ),
  ),

  live('pdt-not-future', 'ten seconds ahead of Date', (scene) =>
    scene.change(reloadsOf('v0'), (one) => {
      one.headers = { ...one.headers, date: new Date(one.headersAtMs - 10_000).toUTCString() }
    }),
  ),
  live('daterange-same-values', 'another DURATION', media(null, 'DURATION=4.0', 'DURATION=5.0', 120)),
  live('daterange-kept', 'gone too early', media(null, DATE_RANGE, '', 120)),

  live('target-duration-equal', '4 and 3', media('a0', 'TARGETDURATION:4', 'TARGETDURATION:3')),
  live('server-control-equal', 'two HOLD-BACKs', media('a0', 'HOLD-BACK=16.0', 'HOLD-BACK=17.0')),
  ended('playlist-type-equal', 'VOD and none', (scene) => {
    main(/(#EXT-X-STREAM-INF.*\n)(.*\n)/, '$1$2$1a0/playlist.m3u8\n')(scene)
    repeat(reloadsOf('v0'), (one) => {
      one.url = playlistUrl('a0')
      one.playlistUrl = playlistUrl('a0')
      one.text = one.text?.replace('#EXT-X-PLAYLIST-TYPE:VOD\n', '') ?? null
    })(scene)
  }),
  live(
    'pdt-all-or-none',
    'audio without dates',
    both(media(null, DATE_RANGE, ''), media('a0', /#EXT-X-PROGRAM.*\n/g, '')),
  ),
  live('pdt-consistent', 'audio 100 ms off', nothing, { shift: (track) => (track === 'a0' ? 4800 : 0) }),
  live('dsn-equal', 'audio counts one more', (scene) =>
    scene.edit(
      ({ track }) => track === 'a0',
      (text) => text.replace(/DISCONTINUITY-SEQUENCE:(\d)/, (_, dsn) => `DISCONTINUITY-SEQUENCE:${Number(dsn) + 1}`),
    ),
  ),
  live('discontinuity-in-step', 'a second of sound is missing before one', nothing, {
    text: (text, track) => {
      const cut = text.replace(/(#EXT-X-PROGRAM-DATE-TIME:.*\n#EXTINF:2.00000,\n12.m4s)/, '#EXT-X-DISCONTINUITY\n$1')
      return track === 'a0' ? cut.replace('2.00000,\n11.m4s', '1.00000,\n11.m4s') : cut
    },
  }),
  live('dateranges-equal', 'two DURATIONs', media('a0', 'DURATION=4.0', 'DURATION=4.5')),
  live(
    'start-equal',
    '-20 and -18',
    both(
      main('VERSION:9', 'VERSION:9\n#EXT-X-START:TIME-OFFSET=-20'),
      media('v0', '#EXT-X-PART-INF', '#EXT-X-START:TIME-OFFSET=-18\n#EXT-X-PART-INF'),
    ),
  ),
  live(
    'iframe-tag',
    'a playlist of whole segments',
    main('VERSION:9', 'VERSION:9\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,CODECS="opus",URI="a0/playlist.m3u8"'),
  ),
]
