import { describe, expect, test } from 'vitest'
import { keepHead, PlaylistHeads } from './playlist-head.ts'

interface Written {
  readonly head: number
  readonly last: number
  readonly dsn?: number
  readonly skipped?: number
  /** Number of the segment that a discontinuity stands before. */
  readonly brokenAt?: number
}

/** As the origin writes it: a map at the first segment, a time at each, parts at the last. */
function playlist({ head, last, dsn = 0, skipped = 0, brokenAt }: Written): string {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9',
    '#EXT-X-TARGETDURATION:4',
    `#EXT-X-MEDIA-SEQUENCE:${head}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${dsn}`,
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
    ...(brokenAt === head + skipped ? [] : ['#EXT-X-MAP:URI="init.mp4"']),
  ]
  for (let msn = head + skipped; msn <= last; msn++) {
    if (msn === brokenAt) lines.push('#EXT-X-DISCONTINUITY', '#EXT-X-MAP:URI="init-2.mp4"')
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${msn}`)
    if (msn === last) lines.push(`#EXT-X-PART:DURATION=2,URI="p${msn}.m4s"`)
    lines.push('#EXTINF:2.0,', `${msn}.m4s`)
  }
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p${last + 1}.m4s"`)
  return `${lines.join('\n')}\n`
}

describe('a playlist that begins earlier than the one before', () => {
  test('loses the segments that were lost already', () => {
    expect(keepHead(playlist({ head: 390, last: 403 }), 392)).toEqual({
      text: playlist({ head: 392, last: 403 }),
      head: 392,
    })
  })

  test('skips fewer of them when it is a delta update', () => {
    expect(keepHead(playlist({ head: 390, last: 403, skipped: 3 }), 391).text).toBe(
      playlist({ head: 391, last: 403, skipped: 2 }),
    )
  })

  test('skips none when all that it skips were lost', () => {
    const { text } = keepHead(playlist({ head: 390, last: 403, skipped: 3 }), 394)
    expect(text.replace('#\n', '')).toBe(playlist({ head: 394, last: 403 }))
  })

  test('counts the discontinuities that go with them, and keeps the init segment that holds behind them', () => {
    const { text } = keepHead(playlist({ head: 390, last: 403, dsn: 7, brokenAt: 391 }), 392)
    expect(text).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:8\n')
    expect(text).not.toContain('#EXT-X-DISCONTINUITY\n')
    expect(text.lastIndexOf('init-2.mp4')).toBeLessThan(text.indexOf('392.m4s'))
    expect(text).not.toContain('391.m4s')
  })
})

test('a playlist that begins at the same place or later is left as it is', () => {
  const text = playlist({ head: 395, last: 403, skipped: 2 })
  expect(keepHead(text, 395)).toEqual({ text, head: 395 })
  expect(keepHead(text, 390)).toEqual({ text, head: 395 })
  expect(keepHead(text, null)).toEqual({ text, head: 395 })
})

test('numbers that begin anew are a new stream', () => {
  const text = playlist({ head: 10, last: 20 })
  expect(keepHead(text, 390)).toEqual({ text, head: 10 })
})

test('a multivariant playlist passes', () => {
  expect(keepHead('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv0/playlist.m3u8\n', 5)).toMatchObject({ head: null })
})

test('each track keeps its own head, whatever directives its address carries', () => {
  const heads = new PlaylistHeads()
  heads.keep('http://o/v0/playlist.m3u8', playlist({ head: 392, last: 403 }))
  heads.keep('http://o/a0/playlist.m3u8', playlist({ head: 391, last: 403 }))
  const later = playlist({ head: 390, last: 403 })
  expect(heads.keep('http://o/v0/playlist.m3u8?_HLS_msn=404&_HLS_skip=YES', later)).toContain('SEQUENCE:392\n')
  expect(heads.keep('http://o/a0/playlist.m3u8?_HLS_msn=404', later)).toContain('SEQUENCE:391\n')
})
