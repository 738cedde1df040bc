import { expect, test } from 'vitest'
import { type Addresses, consoleUrl, ingestUrls, playbackUrls } from './stream-urls.ts'

const local: Addresses = {
  publicUrl: null,
  host: '127.0.0.1',
  apiPort: 8080,
  mediaPort: 8888,
  rtmpPort: 1935,
  srtPort: 6000,
}

test('every ingest address is complete and ready to paste', () => {
  expect(ingestUrls(local, 'studio-1', 'k3y')).toEqual({
    rtmp: 'rtmp://127.0.0.1:1935/live/studio-1?key=k3y',
    rtmpServer: 'rtmp://127.0.0.1:1935/live',
    rtmpKey: 'studio-1?key=k3y',
    srt: 'srt://127.0.0.1:6000?streamid=publish:studio-1:k3y',
    cmaf: 'http://127.0.0.1:8888/ingest/studio-1?key=k3y',
  })
})

test('playback addresses lead to the media origin', () => {
  expect(playbackUrls(local, 'studio-1')).toEqual({
    hls: 'http://127.0.0.1:8888/stream/studio-1/playlist.m3u8',
    watch: 'http://127.0.0.1:8888/watch/studio-1',
  })
})

test('a public URL replaces the media base, and its host serves RTMP and SRT', () => {
  const addresses = { ...local, publicUrl: 'https://live.example.org/tv/' }
  expect(playbackUrls(addresses, 'a').watch).toBe('https://live.example.org/tv/watch/a')
  expect(ingestUrls(addresses, 'a', 'k').rtmp).toBe('rtmp://live.example.org:1935/live/a?key=k')
  expect(consoleUrl(addresses)).toBe('http://live.example.org:8080')
})

test('a protocol that is switched off has no address', () => {
  const urls = ingestUrls({ ...local, rtmpPort: null, srtPort: null }, 'a', 'k')
  expect(urls).toMatchObject({ rtmp: null, rtmpServer: null, rtmpKey: null, srt: null })
})

test('an IPv6 host stands in brackets', () => {
  expect(playbackUrls({ ...local, host: '::1' }, 'a').hls).toBe('http://[::1]:8888/stream/a/playlist.m3u8')
  expect(ingestUrls({ ...local, publicUrl: 'http://[2001:db8::1]:9000' }, 'a', 'k').srt).toBe(
    'srt://[2001:db8::1]:6000?streamid=publish:a:k',
  )
})

test('the SRT passphrase is part of the address when one is set', () => {
  const urls = ingestUrls({ ...local, srtPassphrase: 'ten letters & more' }, 'a', 'k')
  expect(urls.srt).toBe('srt://127.0.0.1:6000?streamid=publish:a:k&passphrase=ten%20letters%20%26%20more')
})
