// One mutation for each rule about a single playlist.
import { both, ended, everywhere, live, type Mutation, main, media, plain } from './mutations.test-support.ts'

const AUDIO = /(#EXT-X-MEDIA:.*)\n/
const VARIANT = /(#EXT-X-STREAM-INF:.*\n.*)\n/

export const PLAYLIST_MUTATIONS: readonly Mutation[] = [
  live('first-line', 'an empty line before #EXTM3U', main('#EXTM3U', '\n#EXTM3U')),
  live('encoding', 'a byte order mark', main('#EXTM3U', '\ufeff#EXTM3U')),
  live('encoding', 'a control character', main('"Main"', '"Ma\u0001in"')),
  live('attribute-syntax', 'a space after a comma', main('BANDWIDTH=200000,', 'BANDWIDTH=200000, ')),
  live('attribute-syntax', 'a comma at the end', main(AUDIO, '$1,\n')),
  live('attribute-repeated', 'FRAME-RATE twice', main('FRAME-RATE=30.000', 'FRAME-RATE=30.000,FRAME-RATE=30.000')),
  live('attribute-required', 'a rendition without NAME', main('NAME="Main",', '')),
  live('attribute-type', 'CHANNELS without quotes', main('CHANNELS="2"', 'CHANNELS=2')),
  live('tag-value', 'a version in words', main('VERSION:9', 'VERSION:nine')),
  live('tag-repeated', 'two versions', main('#EXT-X-VERSION:9', '#EXT-X-VERSION:9\n#EXT-X-VERSION:9')),
  live('tag-unknown', 'a tag of a vendor', main('#EXT-X-VERSION:9', '#EXT-X-VERSION:9\n#EXT-X-ACME:1')),
  live(
    'kinds-mixed',
    'a media tag among variants',
    main('#EXT-X-VERSION:9', '#EXT-X-VERSION:9\n#EXT-X-MEDIA-SEQUENCE:1'),
  ),
  plain('extinf-required', 'a URI alone', everywhere('#EXTINF:4.000,\n19.ts', '19.ts')),
  live(
    'uri-required',
    'a variant without URI',
    main(VARIANT, '$1\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="opus",AUDIO="audio"\n'),
  ),
  live('uri-required', 'a URI without variant', main(VARIANT, '$1\nv1/playlist.m3u8\n')),

  ended('version-sufficient', 'EXT-X-MAP in version 5', everywhere('VERSION:6', 'VERSION:5')),
  plain('version-sufficient', 'decimals in version 2', everywhere('VERSION:3', 'VERSION:2')),
  live('version-excessive', 'version 10 where 9 would do', media(null, 'VERSION:9', 'VERSION:10')),
  ended('version-excessive', 'a multivariant playlist above its media playlists', main('VERSION:6', 'VERSION:7')),
  plain('target-duration-present', 'none', everywhere('#EXT-X-TARGETDURATION:4\n', '')),
  live('part-inf-present', 'none', media(null, /#EXT-X-PART-INF.*\n/, '')),
  live('hold-back-minimum', '11 s with a target of 4', media(null, 'HOLD-BACK=16.0', 'HOLD-BACK=11.0')),
  live('part-hold-back-present', 'none', media(null, ',PART-HOLD-BACK=1.6', '')),
  live('part-hold-back-minimum', '0.9 s with parts of 0.5', media(null, 'PART-HOLD-BACK=1.6', 'PART-HOLD-BACK=0.9')),
  live('part-hold-back-three', '1.4 s with parts of 0.5', media(null, 'PART-HOLD-BACK=1.6', 'PART-HOLD-BACK=1.4')),
  live('skip-boundary-minimum', '26 s with a target of 5', media(null, 'TARGETDURATION:4', 'TARGETDURATION:5')),
  plain(
    'skip-dateranges-needs-skip',
    'CAN-SKIP-DATERANGES alone',
    everywhere('VERSION:3', 'VERSION:3\n#EXT-X-SERVER-CONTROL:CAN-SKIP-DATERANGES=YES'),
  ),
  live('blocking-offered', 'parts without blocking reloads', media(null, 'CAN-BLOCK-RELOAD=YES,', '')),
  plain(
    'delta-offered',
    'two minutes without delta updates',
    both(everywhere('TARGETDURATION:4', 'TARGETDURATION:16'), everywhere(/#EXTINF:4/g, '#EXTINF:16')),
  ),
  plain(
    'sequence-tags-first',
    'EXT-X-MEDIA-SEQUENCE at the end',
    everywhere(/(#EXT-X-MEDIA-SEQUENCE:.*\n)([\s\S]*)$/, '$2$1'),
  ),
  plain(
    'start-offset',
    'two seconds from the live edge',
    everywhere('VERSION:3', 'VERSION:3\n#EXT-X-START:TIME-OFFSET=-2'),
  ),
  ended('start-offset', 'behind the end', media(null, 'VERSION:6', 'VERSION:6\n#EXT-X-START:TIME-OFFSET=50')),

  plain('extinf-within-target', '4.5 s with a target of 4', everywhere('4.000,\n19.ts', '4.500,\n19.ts')),
  plain(
    'byterange-offset',
    'a range that begins nowhere',
    both(everywhere('VERSION:3', 'VERSION:4'), everywhere('19.ts', '#EXT-X-BYTERANGE:100\n19.ts')),
  ),
  live(
    'byterange-offset',
    'a part that begins nowhere',
    media('v0', 'URI="p108.m4s"', 'URI="p108.m4s",BYTERANGE="100"'),
  ),
  plain(
    'key-attributes',
    'an IV without encryption',
    everywhere('VERSION:3', 'VERSION:3\n#EXT-X-KEY:METHOD=NONE,IV=0x01'),
  ),
  live('iframe-no-parts', 'parts of I-frames', media(null, '#EXT-X-PART-INF', '#EXT-X-I-FRAMES-ONLY\n#EXT-X-PART-INF')),
  live('part-not-too-long', '10 µs above the target', media('v0', '0.50000,URI="p113.m4s"', '0.50001,URI="p113.m4s"')),
  live(
    'part-not-too-short',
    '84 % in the middle of a segment',
    both(
      media('v0', '0.50000,URI="p109.m4s"', '0.42000,URI="p109.m4s"'),
      media('v0', '2.00000,\n27.m4s', '1.92000,\n27.m4s'),
    ),
  ),
  live('part-sum', '1.95 s of four half seconds', media('v0', '2.00000,\n27.m4s', '1.95000,\n27.m4s')),
  live(
    'parts-near-edge',
    'parts 16 s from the end',
    media(
      'v0',
      '#EXTINF:2.00000,\n20.m4s',
      `${[80, 81, 82, 83].map((part) => `#EXT-X-PART:DURATION=0.5,URI="p${part}.m4s"\n`).join('')}#EXTINF:2.00000,\n20.m4s`,
    ),
  ),
  live(
    'part-tag-order',
    'the date after the first part',
    media('v0', /(#EXT-X-PROGRAM.*\n)(#EXT-X-PART:.*p108.*\n)/, '$2$1'),
  ),
  live(
    'gap-parts-marked',
    'a gap with parts that are none',
    media('v0', '#EXTINF:2.00000,\n27.m4s', '#EXT-X-GAP\n#EXTINF:2.00000,\n27.m4s'),
  ),
  live(
    'gap-parts-listed',
    'a gap without parts among segments with parts',
    media('v0', /(?:#EXT-X-PART:.*p(?:10[89]|11[01]).*\n)*(#EXTINF.*\n27\.m4s)/, '#EXT-X-GAP\n$1'),
  ),
  live(
    'map-needs-discontinuity',
    'another EXT-X-MAP in the middle',
    media('v0', /(#EXT-X-PROGRAM.*\n)(#EXTINF.*\n20\.m4s)/, '#EXT-X-MAP:URI="init3.mp4"\n$1$2'),
  ),
  ended(
    'part-target-advised',
    'a tenth of a second',
    media(null, 'VERSION:6', 'VERSION:6\n#EXT-X-PART-INF:PART-TARGET=0.1\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=0.3'),
  ),

  live('codecs-present', 'none', main(/CODECS=".*?",/, '')),
  live('resolution-present', 'none', main('RESOLUTION=640x360,', '')),
  live('average-below-peak', 'above', main('AVERAGE-BANDWIDTH=180000', 'AVERAGE-BANDWIDTH=210000')),
  live('score-all', 'one of two', main(/(#EXT-X-STREAM-INF:)(.*\n.*\n)/, '$1SCORE=1.0,$2$1$2')),
  live('group-exists', 'no such subtitles', main('AUDIO="audio"', 'AUDIO="audio",SUBTITLES="subs"')),
  live('group-names-differ', 'Main twice', main(/(#EXT-X-MEDIA:.*)(DEFAULT=YES)(.*\n)/, '$1$2$3$1DEFAULT=NO$3')),
  live('group-one-default', 'two', main(/(#EXT-X-MEDIA:.*NAME=")(Main)(.*\n)/, '$1$2$3$1Other$3')),
  live(
    'groups-alike',
    'Main and Other',
    main(/(#EXT-X-MEDIA:.*GROUP-ID=")audio",NAME="Main(.*\n)/, '$1audio",NAME="Main$2$1more",NAME="Other$2'),
  ),
  live('default-autoselect', 'DEFAULT=YES,AUTOSELECT=NO', main('AUTOSELECT=YES', 'AUTOSELECT=NO')),
  live('media-attribute-scope', 'FORCED audio', main(AUDIO, '$1,FORCED=NO\n')),
  live('captions-none-all', 'one of two', main(/(#EXT-X-STREAM-INF:)(.*\n.*\n)/, '$1CLOSED-CAPTIONS=NONE,$2$1$2')),
  live(
    'session-data-value',
    'neither VALUE nor URI',
    main('VERSION:9', 'VERSION:9\n#EXT-X-SESSION-DATA:DATA-ID="org.test"'),
  ),

  live('pdt-format', 'a date without a time', media('v0', /2026-01-01T00:00:40\.000Z/, '2026-01-01')),
  live('pdt-precise', 'whole seconds', media('v0', /(#EXT-X-PROGRAM.*)\.000Z/g, '$1Z')),
  live('pdt-continuous', 'a date 1.5 s off', media('v0', '00:00:40.000Z', '00:00:41.500Z')),
  live('pdt-drift', 'a date 0.15 s off', media('v0', '00:00:40.000Z', '00:00:40.150Z')),
  live('pdt-after-discontinuity', 'no date', media('v0', /#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:16.000Z\n/, '')),
  live('daterange-needs-pdt', 'no dates at all', media(null, /#EXT-X-PROGRAM.*\n/g, '')),
  live(
    'daterange-times',
    'an end before the start',
    media(null, 'DURATION=4.0', 'END-DATE="2025-01-01T00:00:00.000Z"'),
  ),
  live(
    'daterange-end-on-next',
    'with DURATION and no CLASS',
    media(null, 'DURATION=4.0', 'DURATION=4.0,END-ON-NEXT=YES'),
  ),
]
