import { expect, test } from 'vitest'
import { DEFAULT_TEST_SOURCE, testSourceArgs } from './test-source-command.ts'

function option(args: readonly string[], name: string): string | undefined {
  return args[args.indexOf(name) + 1]
}

test('there is a keyframe each second at any frame rate', () => {
  for (const fps of [25, 30, 60]) {
    const args = testSourceArgs({ ...DEFAULT_TEST_SOURCE, fps })
    expect([option(args, '-g'), option(args, '-keyint_min')]).toEqual([String(fps), String(fps)])
  }
})

test('a fragment is shorter than two frames', () => {
  const args = testSourceArgs({ ...DEFAULT_TEST_SOURCE, fps: 60 })
  expect(Number(option(args, '-frag_duration'))).toBeLessThan(1_000_000 / 60)
})

test('clock, flash and beep are taken from the same timestamps', () => {
  const graph = option(testSourceArgs(DEFAULT_TEST_SOURCE), '-filter_complex')
  expect(graph).toContain('setpts=round(RTCSTART/1000000*30)+N,')
  expect(graph).toContain('asetpts=round(RTCSTART/1000000*48000)+NB_CONSUMED_SAMPLES,')
  expect(graph?.match(/lt\(mod\(t\\,1\)\\,0\.08\)/g)).toHaveLength(2)
})

test('without text no font is needed', () => {
  const graph = option(testSourceArgs({ ...DEFAULT_TEST_SOURCE, withText: false }), '-filter_complex')
  expect(graph).not.toContain('drawtext')
  expect(graph).toContain('[video];[1:a]')
})
