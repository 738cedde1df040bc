import { expect, test } from 'vitest'
import { renderBitrate, renderFacts, renderTable, renderTime } from './table.ts'

test('columns are as wide as their widest cell, without trailing spaces', () => {
  expect(
    renderTable(
      ['ID', 'NAME'],
      [
        ['studio-1', ''],
        ['b', 'Bee'],
      ],
    ),
  ).toBe('ID        NAME\nstudio-1\nb         Bee\n')
})

test('facts line up, rates and times are in the units of people', () => {
  expect(
    renderFacts([
      ['Bit rate', renderBitrate(4_250_000)],
      ['Since', renderTime('2026-11-21T04:06:07.000Z')],
    ]),
  ).toBe('Bit rate  4.3 Mbit/s\nSince     2026-11-21 04:06:07 UTC\n')
})
