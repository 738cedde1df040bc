import { expect, test } from 'vitest'
import { pullArgs } from './pull-command.ts'
import { maskSecretsOf, maskUrl, parsePullUrl } from './pull-url.ts'

test.each([
  'rtsp://cam.example/1',
  'https://a.example/live.m3u8?x=1',
  'srt://127.0.0.1:9000',
  'rtmp://a.example/live/key',
  'file:///srv/a%20b.mp4',
])('%s may be pulled', (text) => {
  expect(parsePullUrl(text)?.url.href).toContain('://')
})

test.each([
  '',
  '-version',
  '/etc/passwd',
  'concat:a|b',
  'udp://127.0.0.1:5004',
  'pipe:0',
  'http://',
  'file://host/share',
  'file:///a%2fb',
  'file:///%zz',
  'http://a.example/\nb',
  ' rtsp://cam.example/',
])('%j may not be pulled', (text) => {
  expect(parsePullUrl(text)).toBeNull()
})

test.each([
  ['rtsp://admin:pa55word@cam.example:554/1', 'rtsp://***@cam.example:554/1'],
  ['https://a.example/x.m3u8?sig=abcdef&b=hidden', 'https://a.example/x.m3u8?sig=***&b=***'],
  ['rtmp://a.example/live/secret-key', 'rtmp://a.example/live/***'],
  ['file:///srv/a.mp4', 'file:///srv/a.mp4'],
])('%s is shown as %s', (text, shown) => {
  expect(maskUrl(text)).toBe(shown)
})

test('what ffmpeg says about an address has no secret left in any spelling', () => {
  const url = 'rtsp://admin:p%40ssword@cam.example/1?token=abcdefgh'
  const said = `[rtsp] p@ssword p%40ssword ${url}: 401 for rtsp://admin:p%40ssword@cam.example/2, abcdefgh`
  const told = maskSecretsOf(url, said)
  for (const secret of ['ssword', 'abcdefgh', 'admin']) expect(told).not.toContain(secret)
  expect(told).toContain('cam.example')
})

test('a playlist from the network reaches no file, and a file no network', () => {
  const protocolsOf = (text: string) => {
    const parsed = parsePullUrl(text)
    const args = parsed === null ? [] : pullArgs(parsed, text)
    return args[args.indexOf('-protocol_whitelist') + 1]?.split(',')
  }
  for (const text of ['http://a/', 'https://a/', 'rtsp://a/', 'rtsps://a/', 'srt://a:1', 'rtmp://a/b']) {
    expect(protocolsOf(text)).not.toContain('file')
  }
  expect(protocolsOf('file:///a')).toEqual(['file'])
})
