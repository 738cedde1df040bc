import { expect, test } from 'vitest'
import { runCli } from './run-cli.ts'

const GOOD =
  '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.000,\n0.ts\n#EXTINF:4.000,\n1.ts\n#EXT-X-ENDLIST\n'

async function lint(playlist: string, ...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await runCli(['hls-lint', 'http://origin.test/main.m3u8', ...flags], {
    env: {},
    version: '1',
    fetch: async (input) =>
      new URL(String(input)).pathname === '/main.m3u8'
        ? new Response(playlist, {
            headers: { 'content-type': 'application/vnd.apple.mpegurl', date: new Date().toUTCString() },
          })
        : new Response(null, { status: 404 }),
    stdout: (text) => {
      out += text
    },
    stderr: (text) => {
      err += text
    },
    serve: async () => 0,
    isTerminal: false,
    signal: new AbortController().signal,
  })
  return { code, out, err }
}

test('a playlist that breaks no MUST ends with code 0', async () => {
  const { code, out } = await lint(GOOD, '--media', 'none')
  expect(out).toContain(': 0 MUST')
  expect(code).toBe(0)
})

test('a broken MUST is named with its line and source, and ends with code 1', async () => {
  const { code, out } = await lint(GOOD.replace('4.000,\n1.ts', '6.000,\n1.ts'), '--media', 'none')
  expect(out).toContain('MUST extinf-within-target')
  expect(out).toContain('segment 1 lasts 6 s, the target is 4 s (line 7)')
  expect(out).toContain('RFC 8216bis-22 §4.4.3.1')
  expect(code).toBe(1)
})

test('--json prints findings and statistics', async () => {
  const { out, code } = await lint(GOOD, '--json')
  const report: unknown = JSON.parse(out)
  expect(report).toMatchObject({ counts: { must: 2 }, renditions: [{ reloads: 1, segments: 2 }] })
  expect(report).toHaveProperty('findings.0.rule', 'media-loads')
  expect(code).toBe(1)
})

test('what is no playlist is said to be none', async () => {
  const { code, err } = await lint('<html></html>')
  expect(err).toContain('is no playlist')
  expect(code).toBe(1)
})

test('a wrong flag is explained', async () => {
  expect((await lint(GOOD, '--media', 'some')).err).toContain('Choose all, sample or none.')
  expect((await lint(GOOD, '--seconds', '0')).err).toContain('--seconds cannot be "0"')
})
