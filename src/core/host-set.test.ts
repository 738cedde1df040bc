import { expect, test } from 'vitest'
import { parseHostSet } from './host-set.ts'

test('a set has names, all names below one, addresses and prefixes', () => {
  const set = parseHostSet(' PBX.lan., *.voice.example, 10.1.0.0/16,::1 ')
  expect(['pbx.lan', 'Pbx.LAN', 'a.voice.example', 'a.b.voice.example'].map((name) => set?.hasName(name))).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(['voice.example', 'evil-voice.example', 'pbx.lan.evil', '10.1.0.1'].map((name) => set?.hasName(name))).toEqual(
    [false, false, false, false],
  )
  expect(['10.1.2.3', '::1', '10.2.0.0'].map((address) => set?.addresses(address))).toEqual([true, true, false])
  expect(parseHostSet('')?.hasName('')).toBe(false)
})

test('a member that is neither address nor name makes it none', () => {
  for (const text of [
    '10.0.0.0/40',
    '10.0.0.0/8/8',
    'http://pbx',
    'pbx:80',
    '*',
    'a..b',
    '999.1.1.1',
    'p bx',
    '0x7f.1',
  ]) {
    expect(parseHostSet(text), text).toBeNull()
  }
})
