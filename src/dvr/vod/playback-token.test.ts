import { expect, test } from 'vitest'
import { createSignedLinks } from '../../core/signed-link.ts'
import { judgePlayback, playbackPath } from './playback-token.ts'

const NOW = 1_795_200_000_000
const links = createSignedLinks(new Uint8Array(32).fill(3))
const asset = { tenantId: 'default', assetId: 'a-1', name: 'hls-0123456789ab' }
const tokenOf = (path: string) => path.split('/').at(-2) ?? ''

test('an address holds its right in its path, and loses it when it expires', () => {
  const path = playbackPath(links, asset, NOW + 1000)
  expect(path).toMatch(/^\/vod\/default\/a-1\/hls-0123456789ab\/\d+\.[\w-]{43}\/playlist\.m3u8$/)
  const judged = [NOW, NOW + 999, NOW + 1000].map((at) => judgePlayback(links, asset, tokenOf(path), at))
  expect(judged).toEqual(['valid', 'valid', 'expired'])
})

test('a right for one asset is none for another, of another tenant, or under another key', () => {
  const token = tokenOf(playbackPath(links, asset, NOW + 1000))
  const others = [
    { ...asset, tenantId: 'other' },
    { ...asset, assetId: 'a-2' },
    { ...asset, name: 'hls-ba9876543210' },
  ]
  for (const other of others) expect(judgePlayback(links, other, token, NOW)).toBe('invalid')
  expect(judgePlayback(createSignedLinks(new Uint8Array(32)), asset, token, NOW)).toBe('invalid')
  for (const altered of ['', 'x', `${token}x`, token.replace(/^\d/, '9'), `${token}/..`]) {
    expect(judgePlayback(links, asset, altered, NOW)).toBe('invalid')
  }
})
