// The multivariant playlist by itself: RFC 8216bis 4.4.6.
import type { MultivariantPlaylist, Rendition } from '../multivariant-model.ts'
import { BIS, type Fault, type Rule, type Severity } from './rule.ts'

export const MULTIVARIANT_RULES: readonly Rule[] = [
  rule('codecs-present', 'should', '4.4.6.2', 'Each EXT-X-STREAM-INF has CODECS.', function* ({ variants }) {
    for (const { line, url, codecs } of variants) if (codecs === null) yield { line, seen: url }
  }),
  rule(
    'resolution-present',
    'should',
    '4.4.6.2',
    'Variants with video have RESOLUTION and FRAME-RATE.',
    function* ({ variants }) {
      for (const { line, codecs, widthPx, frameRate, isIFrame } of variants) {
        const hasVideo = codecs?.some((codec) => /^(avc|hvc|hev|dvh|av01|vp0)/.test(codec)) ?? false
        if (hasVideo && (widthPx === null || (frameRate === null && !isIFrame)))
          yield { line, seen: `no ${widthPx === null ? 'RESOLUTION' : 'FRAME-RATE'} for ${codecs?.join(',') ?? ''}` }
      }
    },
  ),
  rule('average-below-peak', 'must', '4.4.6.2', 'AVERAGE-BANDWIDTH is not above BANDWIDTH.', function* ({ variants }) {
    for (const { line, bandwidthBps, averageBandwidthBps } of variants) {
      if (bandwidthBps !== null && averageBandwidthBps !== null && averageBandwidthBps > bandwidthBps)
        yield { line, seen: `AVERAGE-BANDWIDTH=${averageBandwidthBps}, BANDWIDTH=${bandwidthBps}` }
    }
  }),
  rule('score-all', 'should', '4.4.6.2', 'Either all variants have SCORE or none.', function* ({ variants }) {
    const scored = variants.filter(({ attributes }) => attributes.has('SCORE'))
    if (scored.length > 0 && scored.length < variants.length)
      yield { line: scored[0]?.line ?? 0, seen: `${scored.length} of ${variants.length} variants have SCORE` }
  }),
  rule(
    'group-exists',
    'must',
    '4.4.6.2',
    'The groups that a variant names exist.',
    function* ({ variants, renditions }) {
      for (const { line, groups } of variants)
        for (const [type, id] of groups)
          if (!renditions.some((one) => one.type === type && one.groupId === id))
            yield { line, seen: `${type}="${id}"` }
    },
  ),
  rule('group-names-differ', 'must', '4.4.6.1.1', 'Members of a group have different NAMEs.', function* (playlist) {
    for (const members of groupsOf(playlist)) {
      const names = members.map(({ name }) => name)
      const second = members.find(({ name }, index) => names.indexOf(name) < index)
      if (second !== undefined)
        yield { line: second.line, seen: `a second "${second.name}" in ${second.type} group "${second.groupId}"` }
    }
  }),
  rule('group-one-default', 'must', '4.4.6.1.1', 'A group has at most one DEFAULT=YES.', function* (playlist) {
    for (const members of groupsOf(playlist)) {
      const second = members.filter(({ attributes }) => attributes.get('DEFAULT')?.value === 'YES')[1]
      if (second !== undefined)
        yield { line: second.line, seen: `a second DEFAULT=YES in ${second.type} group "${second.groupId}"` }
    }
  }),
  rule('groups-alike', 'must', '4.4.6.1.1', 'Groups of the same TYPE have the same members.', function* (playlist) {
    const first = new Map<string, string>()
    for (const members of groupsOf(playlist)) {
      const { type = '', groupId = '', line = 0 } = members[0] ?? {}
      const names = members
        .map(({ name }) => name)
        .sort()
        .join(', ')
      const other = first.get(type)
      if (other === undefined) first.set(type, names)
      else if (other !== names) yield { line, seen: `group "${groupId}" has ${names}, another has ${other}` }
    }
  }),
  rule(
    'default-autoselect',
    'must',
    '4.4.6.1',
    'AUTOSELECT, where given, is YES for DEFAULT=YES.',
    function* ({ renditions }) {
      for (const { line, name, attributes } of renditions)
        if (attributes.get('DEFAULT')?.value === 'YES' && attributes.get('AUTOSELECT')?.value === 'NO')
          yield { line, seen: name }
    },
  ),
  rule(
    'media-attribute-scope',
    'must',
    '4.4.6.1',
    'EXT-X-MEDIA has the attributes of its TYPE: URI for subtitles, INSTREAM-ID and no URI for captions, FORCED only for subtitles, CHANNELS, BIT-DEPTH and SAMPLE-RATE only for audio.',
    function* ({ renditions }) {
      for (const { line, type, url, attributes } of renditions) {
        const audioOnly = ['CHANNELS', 'BIT-DEPTH', 'SAMPLE-RATE'].find((name) => attributes.has(name))
        if (type === 'SUBTITLES' && url === null) yield { line, seen: 'SUBTITLES without URI' }
        if (type === 'CLOSED-CAPTIONS' && url !== null) yield { line, seen: 'CLOSED-CAPTIONS with URI' }
        if (type === 'CLOSED-CAPTIONS' && !attributes.has('INSTREAM-ID'))
          yield { line, seen: 'CLOSED-CAPTIONS without INSTREAM-ID' }
        if (type !== 'SUBTITLES' && attributes.has('FORCED')) yield { line, seen: `${type} with FORCED` }
        if (type !== 'AUDIO' && audioOnly !== undefined) yield { line, seen: `${type} with ${audioOnly}` }
      }
    },
  ),
  rule(
    'captions-none-all',
    'must',
    '4.4.6.2',
    'CLOSED-CAPTIONS=NONE stands in all variants or in none.',
    function* ({ variants }) {
      const isNone = variants
        .filter(({ isIFrame }) => !isIFrame)
        .map((variant) => {
          const captions = variant.attributes.get('CLOSED-CAPTIONS')
          return captions !== undefined && !captions.isQuoted && captions.value === 'NONE'
        })
      if (isNone.includes(true) && isNone.includes(false))
        yield { seen: `NONE in ${isNone.filter(Boolean).length} of ${isNone.length} variants` }
    },
  ),
  rule(
    'session-data-value',
    'must',
    '4.4.6.4',
    'EXT-X-SESSION-DATA has either VALUE or URI, once per DATA-ID and LANGUAGE.',
    function* ({ sessionData }) {
      const seen = new Set<string>()
      for (const { line, attributes } of sessionData) {
        const key = `${attributes.get('DATA-ID')?.value ?? ''} ${attributes.get('LANGUAGE')?.value ?? ''}`
        if (attributes.has('VALUE') === attributes.has('URI'))
          yield { line, seen: `${key.trim()} has ${attributes.has('VALUE') ? 'both' : 'neither'}` }
        else if (seen.has(key)) yield { line, seen: `${key.trim()} twice` }
        seen.add(key)
      }
    },
  ),
]

function rule(
  id: string,
  severity: Severity,
  section: string,
  title: string,
  check: (playlist: MultivariantPlaylist) => Iterable<Fault>,
): Rule {
  return { id, severity, title, source: `${BIS} §${section}`, multivariant: check }
}

/** EXT-X-MEDIA tags by TYPE and GROUP-ID. */
function groupsOf({ renditions }: MultivariantPlaylist): Rendition[][] {
  return [...Map.groupBy(renditions, ({ type, groupId }) => `${type} ${groupId}`).values()]
}
