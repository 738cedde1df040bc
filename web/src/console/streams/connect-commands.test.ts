import { expect, test } from 'vitest'
import { cmafCommands, iframeSnippet, maskKey, rtmpCommands, secondsOf, srtCommands } from './connect-commands.ts'

const SRT = 'srt://media.example:6000?streamid=publish:studio-1:k3y'

test('every command is one line and ends with the complete address in quotes', () => {
  for (const { command } of [...srtCommands(SRT, 2), ...rtmpCommands(SRT, 2), ...cmafCommands(SRT, 2)]) {
    expect(command.endsWith(`"${SRT}"`)).toBe(true)
    expect(command).not.toContain('\n')
  }
})

test('encoders are told to set keyframes where segments are cut', () => {
  expect(srtCommands(SRT, 0.4)[1]?.command).toContain('n_forced*0.4')
})

test('RTMP is not offered HEVC, which ffmpeg 5 cannot put into FLV', () => {
  expect(rtmpCommands(SRT, 2).some(({ command }) => command.includes('libx265'))).toBe(false)
})

test('a hidden key does not show', () => {
  expect(maskKey(SRT, 'k3y')).not.toContain('k3y')
  expect(maskKey(SRT, null)).toBe(SRT)
})

test('durations are read as the settings write them', () => {
  expect(['2s', '400ms', '1m'].map(secondsOf)).toEqual([2, 0.4, 60])
})

test('the iframe hides what only makes sense on the page itself', () => {
  expect(iframeSnippet('http://h/watch/a')).toContain('http://h/watch/a?embed=1')
})
