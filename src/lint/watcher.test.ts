import { expect, test } from 'vitest'
import { watchPresentation } from './watcher.ts'

const BASE = 'https://origin.example/live/'
/** Two keyframes of 2 kB, two seconds each: 8 kbit/s. */
const I_FRAMES = [
  '#EXTM3U',
  '#EXT-X-VERSION:7',
  '#EXT-X-TARGETDURATION:2',
  '#EXT-X-I-FRAMES-ONLY',
  '#EXT-X-MAP:URI="init.mp4"',
  ...[1, 2].flatMap((n) => ['#EXTINF:2.0,', '#EXT-X-BYTERANGE:2000@0', `${n}.m4s`]),
  '#EXT-X-ENDLIST',
].join('\n')

/** Which rules are broken when the multivariant playlist promises these bit rates, one reading after the other. */
async function rulesBrokenBy(promises: readonly number[]): Promise<readonly string[]> {
  let reading = 0
  const multivariant = () => {
    const bandwidth = promises[Math.min(reading, promises.length - 1)]
    reading += 1
    return `#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=${bandwidth},CODECS="avc1.64001f",URI="i.m3u8"\n`
  }
  const answer = async (input: string | URL | Request) => {
    const text = String(input).endsWith('main.m3u8') ? multivariant() : I_FRAMES
    return new Response(text, { headers: { 'Content-Type': 'application/vnd.apple.mpegurl' } })
  }
  const { findings } = await watchPresentation({
    ...{ url: `${BASE}main.m3u8`, seconds: 30, media: 'none', maxRenditions: 8 },
    ...{ fetch: answer, now: Date.now, signal: AbortSignal.timeout(20_000) },
  })
  return findings.map(({ rule }) => rule)
}

test('a peak is judged by the BANDWIDTH that was promised last', async () => {
  expect(await rulesBrokenBy([1000])).toContain('iframe-bandwidth')
  expect(await rulesBrokenBy([1000, 8000])).not.toContain('iframe-bandwidth')
  expect(await rulesBrokenBy([8000, 1000])).toContain('iframe-bandwidth')
})
