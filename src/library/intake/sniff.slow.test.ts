import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SNIFF_BYTES, sniffType } from './sniff.ts'
import { UNKNOWN_TYPE } from './sniffed-type.ts'

const run = promisify(execFile)
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-sniff-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const TONE = ['-f', 'lavfi', '-i', 'sine=r=44100:d=0.4']
const BARS = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:d=0.4:r=10']
const STILL = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:d=0.1:r=10', '-frames:v', '1']

/** Made with an extension that ffmpeg takes the container from; the bytes alone are looked at. */
async function made(name: string, args: readonly string[]): Promise<Uint8Array> {
  const file = join(folder, name)
  await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args, file])
  return (await readFile(file)).subarray(0, SNIFF_BYTES)
}

test.each([
  ['a.wav', [...TONE], 'audio wav audio/wav'],
  ['rf64.wav', [...TONE, '-rf64', 'always'], 'audio wav audio/wav'],
  ['a.mp3', [...TONE], 'audio mp3 audio/mpeg'],
  ['untagged.mp3', [...TONE, '-id3v2_version', '0', '-write_xing', '0'], 'audio mp3 audio/mpeg'],
  ['8k.mp3', [...TONE, '-ar', '8000', '-b:a', '8k', '-id3v2_version', '0'], 'audio mp3 audio/mpeg'],
  ['22k.mp3', [...TONE, '-ar', '22050', '-id3v2_version', '0'], 'audio mp3 audio/mpeg'],
  ['a.mp2', [...TONE], 'audio mp3 audio/mpeg'],
  ['a.flac', [...TONE], 'audio flac audio/flac'],
  ['a.m4a', [...TONE], 'audio m4a audio/mp4'],
  ['a.aac', [...TONE], 'audio aac audio/aac'],
  ['a.ogg', [...TONE, '-c:a', 'libopus'], 'audio ogg audio/ogg'],
  ['v.ogg', [...TONE, '-c:a', 'libvorbis'], 'audio ogg audio/ogg'],
  ['t.ogg', [...TONE, ...BARS, '-c:v', 'libtheora', '-c:a', 'libvorbis'], 'video ogv video/ogg'],
  ['a.aiff', [...TONE], 'audio aiff audio/aiff'],
  ['a.caf', [...TONE], 'audio caf audio/x-caf'],
  ['a.au', [...TONE], 'audio au audio/basic'],
  ['a.w64', [...TONE], 'audio w64 audio/x-w64'],
  ['a.ac3', [...TONE], 'audio ac3 audio/ac3'],
  ['a.wv', [...TONE], 'audio wv audio/wavpack'],
  ['a.mp4', [...BARS, '-pix_fmt', 'yuv420p'], 'video mp4 video/mp4'],
  ['frag.mp4', [...BARS, '-movflags', 'frag_keyframe+empty_moov'], 'video mp4 video/mp4'],
  ['a.mov', [...BARS], 'video mov video/quicktime'],
  ['a.mkv', [...BARS], 'video mkv video/matroska'],
  ['a.webm', [...BARS, '-c:v', 'libvpx'], 'video webm video/webm'],
  ['a.avi', [...BARS], 'video avi video/x-msvideo'],
  ['a.ts', [...BARS, '-c:v', 'mpeg2video', '-r', '25'], 'video ts video/mp2t'],
  ['a.m2ts', [...BARS, '-c:v', 'mpeg2video', '-r', '25', '-mpegts_m2ts_mode', '1'], 'video ts video/mp2t'],
  ['a.mpg', [...BARS, '-r', '25'], 'video mpg video/mpeg'],
  ['a.flv', [...BARS], 'video flv video/x-flv'],
  ['a.wmv', [...BARS], 'video asf video/x-ms-asf'],
  ['a.3gp', [...BARS, '-c:v', 'mpeg4'], 'video 3gp video/3gpp'],
  ['a.jpg', [...STILL], 'image jpeg image/jpeg'],
  ['a.png', [...STILL], 'image png image/png'],
  ['a.gif', [...STILL], 'image gif image/gif'],
  ['a.webp', [...STILL], 'image webp image/webp'],
  ['a.tiff', [...STILL], 'image tiff image/tiff'],
  ['a.bmp', [...STILL], 'image bmp image/bmp'],
])('what ffmpeg writes as %s is told from its bytes', async (name, args, expected) => {
  const { kind, format, mediaType, isActive } = sniffType(await made(name, args))
  expect(`${kind} ${format} ${mediaType}`).toBe(expected)
  expect(isActive).toBe(false)
})

function words(head: Uint8Array | string): string {
  const { kind, format, isActive } = sniffType(typeof head === 'string' ? Buffer.from(head, 'latin1') : head)
  return `${kind} ${format}${isActive ? ' active' : ''}`
}

function box(brand: string, ...more: string[]): string {
  const size = 16 + more.length * 4
  return `\0\0\0${String.fromCharCode(size)}ftyp${brand}\0\0\0\0${more.join('')}`
}

test('pictures in ISO files are told by their brands, wherever these stand', () => {
  expect(words(box('avif', 'mif1', 'miaf'))).toBe('image avif')
  expect(words(box('mif1', 'mif1', 'avif'))).toBe('image avif')
  expect(words(box('heic', 'mif1', 'heic'))).toBe('image heic')
  expect(words(box('mif1', 'heic'))).toBe('image heic')
  expect(words(box('M4A ', 'isom'))).toBe('audio m4a')
  expect(words(box('XXXX'))).toBe('video mp4')
})

test('a document is told from its bytes', () => {
  expect(words('%PDF-1.7\n%\xe2\xe3\xcf\xd3')).toBe('document pdf')
  expect(words('WEBVTT\n\n00:00.000 --> 00:01.000\nHi')).toBe('document vtt')
  expect(words('1\r\n00:00:00,000 --> 00:00:01,000\r\nHi')).toBe('document srt')
  expect(words('{"a": 1}')).toBe('document json')
  expect(words('just words')).toBe('document txt')
  expect(words('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n')).toBe('document m3u8')
  expect(words('PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0mimetypeapplication/epub+zip')).toBe(
    'document epub',
  )
})

test.each([
  ['<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 'svg'],
  ['\xef\xbb\xbf  <?xml version="1.0"?>\n<!-- <html> -->\n<svg/>', 'svg'],
  ['<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY a "b">]><svg>', 'svg'],
  ['<x:svg xmlns:x="http://www.w3.org/2000/svg"><x:script/></x:svg>', 'svg'],
  ['<!doctype HTML><p>', 'html'],
  ['\n\t <ScRiPt>alert(1)</script>', 'html'],
  ['<!-- anything --><body onload=alert(1)>', 'html'],
  ['<math><mi xlink:href="javascript:alert(1)">', 'html'],
  ['<?xml version="1.0"?><r xmlns:h="http://www.w3.org/1999/xhtml"><h:script>alert(1)</h:script></r>', 'xml'],
])('markup that can carry scripts is a document that is never shown: %s', (text, format) => {
  expect(words(text)).toBe(`document ${format} active`)
  const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text.replace('\xef\xbb\xbf', ''), 'utf16le')])
  expect(words(wide)).toBe(`document ${format} active`)
  expect(words(wide.subarray(2).swap16()), 'without a mark these are no text').not.toContain('image')
})

test('of a polyglot the first bytes decide, whatever follows', () => {
  expect(words('GIF89a/*<svg onload=alert(1)>*/=1;')).toBe('image gif')
  expect(words(`\xff\xd8\xff\xe0${'\0'.repeat(20)}<html><script>`)).toBe('image jpeg')
  expect(words(`<html>${'\xff\xd8\xff\xe0'}`)).toBe('document html active')
  expect(words('PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.jpgGIF89a')).toBe('other zip')
  expect(words('%PDF-1.4 <script>alert(1)</script>')).toBe('document pdf')
})

test('an ID3 tag whose picture is longer than what was kept still means MP3', () => {
  const tag = Buffer.concat([Buffer.from('ID3\x04\0\0\x00\x0f\x7f\x7f', 'latin1'), Buffer.alloc(SNIFF_BYTES, 0xff)])
  expect(words(tag)).toBe('audio mp3')
  const oneFrame = Buffer.from(`ID3\x04\0\0\0\0\0\x05tag..\xff\xfb\x90\0${'\0'.repeat(100)}`, 'latin1')
  expect(words(oneFrame)).toBe('audio mp3')
})

test('nothing, too little and noise are no known type', () => {
  expect(sniffType(new Uint8Array())).toBe(UNKNOWN_TYPE)
  expect(words('\0')).toBe('other bin')
  expect(words('\xff\xfb\x90\0')).toBe('other bin')
  // A frame header alone is no MP3: any file may contain two such bytes.
  expect(words(`\xff\xfb\x90\0${'\0'.repeat(2000)}`)).toBe('other bin')
  expect(words('BM and nothing else of a picture\0\0')).toBe('other bin')
})

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('', 'RIFF', 'OggS', '\x1a\x45\xdf\xa3', '\0\0\0\x20ftyp', 'ID3\x04', 'PK\x03\x04', '<svg', 'BM'),
      fc.uint8Array({ maxLength: 400 }),
      (start, rest) => {
        sniffType(Buffer.concat([Buffer.from(start, 'latin1'), rest]))
      },
    ),
    { numRuns: 3000 },
  )
})
