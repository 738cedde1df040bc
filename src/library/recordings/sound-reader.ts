// What is to be heard in a recording: asked of ffprobe, and then decoded to its end, because headers promise too much.
import { MirrorError } from '../../core/errors.ts'
import { measureSound, type SoundHost } from '../processing/measure-sound.ts'
import { type ProbeHost, probeMedia } from '../processing/probe-media.ts'
import type { SoundReader } from './process-recording.ts'

export function createSoundReader(tools: Omit<ProbeHost & SoundHost, 'limits'>): SoundReader {
  return {
    async read(file, { signal }) {
      const input = { kind: 'file', path: file } as const
      const { streams } = await probeMedia(input, tools, signal)
      const audio = streams.find((stream) => stream.kind === 'audio')
      if (audio === undefined) throw new MirrorError('content_unsupported', 'It has no sound')
      const { durationSec, peaks } = await measureSound(input, audio, tools, signal)
      const { codec, channels, sampleRateHz } = audio
      return { durationMs: Math.round(durationSec * 1000), codec, channels, sampleRateHz, peaks }
    },
  }
}
