import { expect, test } from 'vitest'
import { MirrorError } from './errors.ts'
import { createLogger, prettyLine } from './logger.ts'

function captured(format: 'json' | 'pretty', level: 'debug' | 'info' | 'warn' | 'error' = 'debug') {
  const lines: string[] = []
  return { lines, log: createLogger({ level, format, write: (line) => lines.push(line) }) }
}

test('a json line carries time, level, area, message and facts', () => {
  const { lines, log } = captured('json')
  log.child('live').child('ingest').warn('late', { stream: 'show', lateMs: 12 })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/\}\n$/)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    area: 'live.ingest',
    message: 'late',
    stream: 'show',
    lateMs: 12,
  })
})

test('messages below the level are not written', () => {
  const { lines, log } = captured('json', 'warn')
  log.info('no')
  log.child('a').debug('no')
  log.error('yes')
  expect(lines).toHaveLength(1)
})

test('secrets reach neither format', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { lines, log } = captured(format)
    log.info('POST /ingest/show?key=hunter2', {
      publishKey: 'hunter2',
      url: '/x?key=hunter2',
      nested: { token: 'hunter2' },
    })
    expect(lines.join('')).not.toContain('hunter2')
    expect(lines.join('')).toContain('***')
  }
})

test('facts cannot overwrite the message', () => {
  const { lines, log } = captured('json')
  log.info('the message', { message: 'other' })
  expect(JSON.parse(lines[0] ?? '').message).toBe('the message')
})

test('a pretty line is one line for people', () => {
  const json = JSON.stringify({
    time: '2026-01-02T03:04:05.678Z',
    level: 'info',
    area: 'srt',
    message: 'listening',
    port: 6000,
    note: 'two words',
  })
  expect(prettyLine(json, false)).toBe('03:04:05.678  info   srt  listening  port=6000 note="two words"\n')
})

test('a pretty error shows the stack below the line', () => {
  const { lines, log } = captured('pretty')
  log.error('failed', { error: new MirrorError('internal', 'broken') })
  expect(lines[0]).toContain('error="broken"')
  expect(lines[0]).toMatch(/\n {4}MirrorError: broken\n {8}at /)
})

test('control characters of an encoder do not reach the terminal', () => {
  const { lines, log } = captured('pretty')
  log.warn('bad name \x1b[2J', { name: 'a\x07b\x1b]0;x' })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the fact.
  expect(lines[0]?.slice(0, -1)).not.toMatch(/[\x00-\x1f]/)
})
