import { expect, test } from 'vitest'
import { isSameOrigin } from './origin-check.ts'

const at = (host: string, origin?: string, fetchSite?: string) => ({ host, origin, fetchSite })

test('our own page may change things, also behind a TLS proxy', () => {
  expect(isSameOrigin(at('mirror.test:8080', 'http://mirror.test:8080'), null)).toBe(true)
  expect(isSameOrigin(at('mirror.test', 'https://mirror.test'), null)).toBe(true)
  expect(isSameOrigin(at('inner:8080', 'https://tv.example'), 'https://tv.example/live')).toBe(true)
})

test('another site, another port and an opaque origin may not', () => {
  expect(isSameOrigin(at('mirror.test:8080', 'http://evil.test'), null)).toBe(false)
  expect(isSameOrigin(at('mirror.test:8080', 'http://mirror.test:9999'), null)).toBe(false)
  expect(isSameOrigin(at('mirror.test:8080', 'null'), null)).toBe(false)
})

test('without Origin only a declared same-origin fetch passes', () => {
  expect(isSameOrigin(at('mirror.test:8080'), null)).toBe(false)
  expect(isSameOrigin(at('mirror.test:8080', undefined, 'same-origin'), null)).toBe(true)
  expect(isSameOrigin(at('mirror.test:8080', undefined, 'same-site'), null)).toBe(false)
})
