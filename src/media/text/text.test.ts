import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { createFile } from 'mp4box'
import { describe, expect, test } from 'vitest'
import { textFragment, textHeader, wvttSample } from '../../../test/support/cmaf-text.ts'
import { DemuxRecorder } from '../../../test/support/demux-recorder.ts'
import { isMirrorError } from '../../core/errors.ts'
import { Fmp4Demuxer } from '../fmp4/demuxer.ts'
import type { DemuxSink, TextSample, TextTrack } from '../samples.ts'
import { cleanSettings, cleanText, type TextCue } from './text-cue.ts'
import { parseTtml } from './ttml-document.ts'
import { WebVttReader } from './webvtt-reader.ts'
import { writeWebVtt } from './webvtt-writer.ts'
import { XmlReader } from './xml-reader.ts'

function read(text: string, chunk = text.length): TextCue[] {
  const cues: TextCue[] = []
  const reader = new WebVttReader((cue) => cues.push(cue))
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk))
  reader.end()
  return cues
}

function failure(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isMirrorError(error)) return error.code
    throw error
  }
  return 'none'
}

const FILE = `\uFEFFWEBVTT - live
Kind: captions

STYLE
::cue { color: red }

NOTE nobody reads this

1
00:01.000 --> 00:02.500 line:10% region:r1 align:start
Grüße, Ж & 字
second line

01:00:03.000 --> 01:00:04.000
<i>later</i>
`

describe('WebVTT that comes in', () => {
  const expected: TextCue[] = [
    { startSec: 1, endSec: 2.5, text: 'Grüße, Ж & 字\nsecond line', settings: 'line:10% align:start' },
    { startSec: 3603, endSec: 3604, text: '<i>later</i>', settings: '' },
  ]

  test.each([1, 2, 3, 7, 1000])('is read in chunks of %s bytes, with any line ending', (chunk) => {
    expect(read(FILE, chunk)).toEqual(expected)
    expect(read(FILE.replaceAll('\n', '\r\n'), chunk)).toEqual(expected)
    expect(read(FILE.replaceAll('\n', '\r'), chunk)).toEqual(expected)
  })

  test('a cue is told as soon as its empty line has come', () => {
    const cues: TextCue[] = []
    const reader = new WebVttReader((cue) => cues.push(cue))
    reader.push(Buffer.from('WEBVTT\n\n00:00.000 --> 00:02.000\nnow\n'))
    expect(cues).toEqual([])
    reader.push(Buffer.from('\n'))
    expect(cues.map(({ text }) => text)).toEqual(['now'])
  })

  test.each([
    ['no header', '00:00.000 --> 00:01.000\nHi\n'],
    ['nothing', ''],
    ['JSON', '{"text": "Hi"}\n'],
    ['a comma for the point', 'WEBVTT\n\n00:00,000 --> 00:01,000\nHi\n\n'],
    ['an end before the beginning', 'WEBVTT\n\n00:02.000 --> 00:01.000\nHi\n\n'],
    ['text without a time', 'WEBVTT\n\nHi there\nyou\n\n'],
    ['a clock that cannot be known here', 'WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n'],
    ['a line without end', `WEBVTT\n\n${'x'.repeat(100_000)}`],
  ])('%s is refused by name', (_, text) => {
    expect(failure(() => read(text))).toBe('ingest_malformed')
  })

  test('whatever is thrown at it, it fails by name or not at all', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, chunk) => {
        failure(() => read(`WEBVTT\n\n${text}`, chunk))
      }),
      { numRuns: 300 },
    )
  })
})

describe('WebVTT that goes out', () => {
  const noonMs = Date.UTC(2026, 10, 21, 12) - Date.UTC(2020, 0, 1)

  test('cue times are the time of day, and the header tells which media time that is', () => {
    const cue = { id: 'x', startMs: noonMs - 500, endMs: noonMs + 2002, text: 'Hello', settings: 'line:5%' }
    expect(writeWebVtt(noonMs, [cue])).toBe(`WEBVTT
X-TIMESTAMP-MAP=LOCAL:12:00:00.000,MPEGTS:${(noonMs * 90) % 2 ** 33}

x
11:59:59.500 --> 12:00:02.002 line:5%
Hello
`)
  })

  test('a cell without cues is a header alone', () => {
    expect(writeWebVtt(noonMs, [])).toMatch(/^WEBVTT\nX-TIMESTAMP-MAP=\S+\n$/)
  })

  test('what begins before midnight and is shown after it has no negative time', () => {
    const midnightMs = noonMs + 12 * 3_600_000
    const text = writeWebVtt(midnightMs + 1, [
      { id: 'x', startMs: midnightMs - 1000, endMs: midnightMs + 3000, text: 'Hi', settings: '' },
    ])
    expect(text).toContain('LOCAL:24:00:00.001,')
    expect(text).toContain('23:59:59.000 --> 24:00:03.000')
  })

  test('no text can end its cue or its file early', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), fc.string({ maxLength: 50 }), (raw, rawSettings) => {
        const text = cleanText(raw)
        if (text === null) return
        const cue = { id: 'x', startMs: noonMs, endMs: noonMs + 1000, text, settings: cleanSettings(rawSettings) }
        const written = writeWebVtt(noonMs, [cue, { ...cue, id: 'y' }]).replace(/X-TIMESTAMP-MAP.*\n/, '')
        const found = read(written)
        expect(found).toHaveLength(2)
        expect(found[0]).toEqual(found[1])
      }),
      { numRuns: 300 },
    )
  })
})

describe('TTML', () => {
  const document = (body: string, head = '') =>
    `<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"
      xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="1000">
      <head><layout><region xml:id="top" tts:displayAlign="before"/></layout>
      <styling><style xml:id="i" tts:fontStyle="italic"/></styling>${head}</head>${body}</tt>`

  test('times add up from the parents, in every unit', () => {
    const cues = parseTtml(
      document(`<body begin="10s"><div begin="500ms" region="top">
        <p begin="00:00:01.25" end="00:00:02:10">Fish &amp; <span style="i">chips</span><br/>for &#x41;</p>
        <p begin="3000t" dur="50f">  two   words </p>
        <p begin="1h" end="1h"/>
      </div></body>`),
    )
    expect(cues).toEqual([
      { startSec: 11.75, endSec: 12.9, text: 'Fish &amp; <i>chips</i>\nfor A', settings: 'line:5%' },
      { startSec: 13.5, endSec: 15.5, text: 'two words', settings: 'line:5%' },
    ])
  })

  test('what ffmpeg makes of SubRip reads like SubRip', () => {
    const srt =
      '1\n00:00:01,000 --> 00:00:03,500\nHello\n\n2\n00:01:04,500 --> 00:01:06,000\n<i>World</i>\nand more\n\n'
    const ttml = execFileSync('ffmpeg', ['-v', 'error', '-f', 'srt', '-i', 'pipe:0', '-f', 'ttml', 'pipe:1'], {
      input: srt,
    }).toString()
    expect(parseTtml(ttml)).toEqual([
      { startSec: 1, endSec: 3.5, text: 'Hello', settings: '' },
      { startSec: 64.5, endSec: 66, text: expect.stringMatching(/World(<\/i>)?\nand more$/), settings: '' },
    ])
  })

  test('entities are never expanded, and what is no TTML is none', () => {
    const trap = '<!DOCTYPE x [<!ENTITY a "b">]><tt><body><p end="1s">&a;</p></body></tt>'
    expect(parseTtml(trap)?.map(({ text }) => text)).toEqual(['&amp;a;'])
    expect(parseTtml('<html/>')).toBeNull()
    expect(parseTtml('<tt><body>')).toBeNull()
    expect(parseTtml('<a>'.repeat(1000))).toBeNull()
  })

  test('no input makes the reader throw or hang', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      "'",
      '<p',
      ' a="b"',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '&amp;',
      'x',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
        new XmlReader(parts.join('')).read()
      }),
      { numRuns: 500 },
    )
  })
})

describe('subtitles in CMAF', () => {
  class TextRecorder extends DemuxRecorder implements DemuxSink {
    readonly texts: TextTrack[] = []
    readonly said: TextSample[] = []
    onTextTrack(track: TextTrack): void {
      this.texts.push(track)
    }
    onText(sample: TextSample): void {
      this.said.push(sample)
    }
  }

  function demux(...pieces: readonly Uint8Array[]): TextRecorder {
    const recorder = new TextRecorder()
    const demuxer = new Fmp4Demuxer(recorder)
    for (const piece of pieces) demuxer.push(piece)
    demuxer.end()
    return recorder
  }

  const ticks = (sec: number) => sec * 1000

  test('wvtt samples become cues that last as long as they do', () => {
    const header = textHeader({
      ...{ format: 'wvtt', timescale: 1000, language: 'por' },
      ...{ extendedLanguage: 'pt-BR', role: 'caption' },
    })
    const found = demux(
      header,
      textFragment(1, ticks(4), [
        { durationTicks: 500, data: wvttSample() },
        { durationTicks: 1500, data: wvttSample({ text: 'Olá', settings: 'line:0' }, { text: 'mundo' }) },
      ]),
      textFragment(2, ticks(6), [{ durationTicks: 2000, data: new Uint8Array() }]),
    )
    expect(found.texts).toEqual([{ id: 's0', language: 'pt-BR', role: 'caption', isTimed: true }])
    const times = { startSec: 4.5, endSec: 6 }
    expect(found.said).toEqual([
      { trackId: 's0', cues: [], coveredSec: 4.5 },
      {
        trackId: 's0',
        cues: [
          { ...times, text: 'Olá', settings: 'line:0' },
          { ...times, text: 'mundo', settings: '' },
        ],
        coveredSec: 6,
      },
      { trackId: 's0', cues: [], coveredSec: 8 },
    ])
    expect([found.tracks, found.known, found.repairs]).toEqual([[], [], []])
  })

  test('stpp documents are shown while their sample is', () => {
    const document = '<tt><body><div><p begin="3s" end="6s">a</p><p begin="9s" end="10s">b</p></div></body></tt>'
    const found = demux(
      textHeader({ format: 'stpp', timescale: 1000, language: 'deu' }),
      textFragment(1, ticks(4), [{ durationTicks: 2000, data: Buffer.from(document) }]),
    )
    expect(found.texts[0]?.language).toBe('de')
    expect(found.said[0]?.cues).toEqual([{ startSec: 4, endSec: 6, text: 'a', settings: '' }])
  })

  test('a subtitle that cannot be read costs itself, by name', () => {
    const found = demux(
      textHeader({ format: 'wvtt', timescale: 1000, language: 'und' }),
      textFragment(1, 0, [
        { durationTicks: 1000, data: Buffer.from('not a box at all') },
        { durationTicks: 1000, data: wvttSample({ text: 'next' }) },
      ]),
    )
    expect(found.repairs.map(({ cause }) => cause)).toEqual(['corrupt_sample'])
    expect(found.said.flatMap(({ cues }) => cues.map(({ text }) => text))).toEqual(['next'])
  })

  test('mp4box reads the test feed as we do', () => {
    const file = createFile()
    const header = textHeader({ format: 'wvtt', timescale: 1000, language: 'eng' })
    const fragment = textFragment(1, 4000, [{ durationTicks: 2000, data: wvttSample({ text: 'Hi' }) }])
    const bytes = Uint8Array.from(Buffer.concat([header, fragment])).buffer
    file.appendBuffer(Object.assign(bytes, { fileStart: 0 }))
    const track = file.getInfo().tracks[0]
    expect([track?.codec, track?.timescale, track?.language]).toEqual(['wvtt', 1000, 'eng'])
    expect(file.getTrackSamplesInfo(track?.id ?? 0).map(({ dts, duration }) => [dts, duration])).toEqual([[4000, 2000]])
  })
})
