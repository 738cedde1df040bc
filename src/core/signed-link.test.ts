import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSignedLinks } from './signed-link.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const links = createSignedLinks(new Uint8Array(32).fill(7))
const path = '/links/recordings/r1/original'

test('a link is valid until the moment it expires, and not in it', () => {
  const link = links.sign(path, NOW + 1000)
  expect([NOW, NOW + 999, NOW + 1000].map((at) => links.judge(link, at))).toEqual(['valid', 'valid', 'expired'])
})

test('a change of any one character makes it invalid', () => {
  const link = links.sign(path, NOW + 1000)
  const others = 'aZ09-_&=?/%'
  for (let at = 0; at < link.length; at += 1) {
    for (const other of others) {
      if (link[at] === other) continue
      expect(links.judge(link.slice(0, at) + other + link.slice(at + 1), NOW), `${at} ${other}`).toBe('invalid')
    }
  }
})

test.each([
  ['a later end', (link: string) => link.replace(/expires=\d+/, `expires=${NOW + 9_000_000}`)],
  ['another path', (link: string) => link.replace('r1', 'r2')],
  ['the path, spelt otherwise', (link: string) => link.replace('r1', '%721')],
  ['a parameter more', (link: string) => `${link}&x=1`],
  ['two signatures', (link: string) => `${link}&signature=${'A'.repeat(43)}`],
  ['another order', (link: string) => link.replace(/\?(expires=\d+)&(.*)$/, '?$2&$1')],
  ['no signature', (link: string) => link.replace(/&signature.*/, '')],
  ['an empty signature', (link: string) => link.replace(/signature=.*/, 'signature=')],
  ['nothing at all', () => path],
])('%s makes it invalid', (_, change) => {
  expect(links.judge(change(links.sign(path, NOW + 1000)), NOW)).toBe('invalid')
})

test('what is altered and expired is not told from what is only altered', () => {
  const link = links.sign(path, NOW - 1)
  expect(links.judge(link, NOW)).toBe('expired')
  expect(links.judge(link.replace('r1', 'r2'), NOW)).toBe('invalid')
})

test('no other key signs what is valid here', () => {
  const other = createSignedLinks(randomBytes(32))
  expect(links.judge(other.sign(path, NOW + 1000), NOW)).toBe('invalid')
})

test('whatever the path, its link is valid and one of another path is not', () => {
  const paths = fc.string({ maxLength: 60 }).map((text) => `/links/${encodeURIComponent(text)}`)
  fc.assert(
    fc.property(paths, paths, fc.integer({ min: 1, max: 1e12 }), (one, two, lifeMs) => {
      const link = links.sign(one, NOW + lifeMs)
      expect(links.judge(link, NOW)).toBe('valid')
      if (one !== two) expect(links.judge(two + link.slice(one.length), NOW)).toBe('invalid')
    }),
  )
})
