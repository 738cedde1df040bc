import { scryptSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { createPasswords } from './password.ts'

const cheap = { cost: { logN: 4, blockSize: 8, parallel: 1 } }

test('a password matches its own record and no other does', async () => {
  const { hash, verify } = createPasswords()
  const record = await hash('correct horse')
  expect(record).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await verify('correct horse', record)).toBe(true)
  expect(await verify('correct horsf', record)).toBe(false)
})

test('a record holds its salt, so two of one password differ', async () => {
  const { hash } = createPasswords(cheap)
  expect(await hash('same')).not.toBe(await hash('same'))
})

test('a record is verified with the parameters that are in it', async () => {
  const salt = Buffer.from('0123456789abcdef')
  const digest = scryptSync('secret', salt, 32, { N: 2 ** 10, r: 4, p: 2 })
  const record = `$scrypt$ln=10,r=4,p=2$${[salt, digest].map((b) => b.toString('base64').replaceAll('=', '')).join('$')}`
  const { verify } = createPasswords(cheap)
  expect(await verify('secret', record)).toBe(true)
  expect(await verify('Secret', record)).toBe(false)
})

test('composed and decomposed letters are the same password', async () => {
  const { hash, verify } = createPasswords(cheap)
  expect(await verify('Pu\u0308tz', await hash('P\u00fctz'))).toBe(true)
})

test('nobody’s record and broken records match nothing', async () => {
  const { hash, verify } = createPasswords(cheap)
  const record = await hash('x')
  const broken = ['', 'x', record.slice(0, -1), record.replace('ln=4', 'ln=31'), record.replace('p=1', 'p=99')]
  for (const text of [null, ...broken, record.replace('r=8', 'r=0')]) expect(await verify('x', text)).toBe(false)
})

test('more callers than may wait are refused by name, and the rest is served', async () => {
  const { hash, verify } = createPasswords(cheap)
  const record = await hash('x')
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => verify('x', record)))
  const refused = results.filter((result) => result.status === 'rejected')
  expect(refused).toHaveLength(50 - 34)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'rate_limited' })
  expect(await verify('x', record)).toBe(true)
})
