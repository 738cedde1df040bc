import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseLoudness } from './loudness.ts'
import { PeakCollector } from './sound-peaks.ts'

function bytesOf(samples: readonly number[]): Buffer {
  const bytes = Buffer.alloc(samples.length * 2)
  for (const [at, sample] of samples.entries()) bytes.writeInt16LE(sample, at * 2)
  return bytes
}

/** The same by definition: all samples at hand, cut into pieces. */
function outline(samples: readonly number[], channels: number, samplesPerPeak: number): number[] {
  const frames = samples.length / channels
  const data: number[] = []
  for (let start = 0; start < frames; start += samplesPerPeak) {
    for (let channel = 0; channel < channels; channel++) {
      const piece = samples.filter(
        (_, at) =>
          at % channels === channel && at / channels >= start && Math.floor(at / channels) < start + samplesPerPeak,
      )
      data.push(Math.min(...piece) >> 8, Math.max(...piece) >> 8)
    }
  }
  return data
}

test('however long a sound is and however it is cut into chunks, its peaks are those of equal pieces', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.integer({ min: -32_768, max: 32_767 }), { minLength: 3, maxLength: 400 }),
      fc.integer({ min: 1, max: 17 }),
      fc.integer({ min: 1, max: 5 }).map((half) => half * 2),
      (channels, all, chunkBytes, maxPeaks) => {
        const samples = all.slice(0, all.length - (all.length % channels))
        const collector = new PeakCollector({ channels, maxPeaks, samplesPerPeak: 2 })
        const bytes = bytesOf(samples)
        for (let at = 0; at < bytes.length; at += chunkBytes) collector.add(bytes.subarray(at, at + chunkBytes))
        const peaks = collector.peaks(8_000)
        expect(peaks.data).toEqual(outline(samples, channels, peaks.samplesPerPeak))
        expect(peaks.length).toBeLessThanOrEqual(maxPeaks)
        expect(peaks.data).toHaveLength(peaks.length * channels * 2)
        if (peaks.samplesPerPeak > 2) expect(peaks.length).toBeGreaterThan(maxPeaks / 2)
      },
    ),
    { numRuns: 500 },
  )
})

test('no sound has no peaks', () => {
  expect(new PeakCollector({ channels: 1, maxPeaks: 8 }).peaks(8_000)).toMatchObject({ length: 0, data: [] })
})

test('loudness is what the summary says, and silence has none', () => {
  const summary = `[Parsed_ebur128_0 @ 0x55] Summary:

  Integrated loudness:
    I:         -21.8 LUFS
    Threshold: -31.9 LUFS

  Loudness range:
    LRA:         3.4 LU
    Threshold: -41.7 LUFS
    LRA low:   -23.9 LUFS
    LRA high:  -20.5 LUFS

  Sample peak:
    Peak:      -1.1 dBFS
`
  expect(parseLoudness(`frame=1 I: -99.0 LUFS\n${summary}`)).toEqual({
    integratedLufs: -21.8,
    rangeLu: 3.4,
    peakDbfs: -1.1,
  })
  expect(parseLoudness(summary.replace('-1.1 dBFS', '-inf dBFS'))?.peakDbfs).toBeNull()
  expect(parseLoudness(summary.replace('-21.8', '-70.0'))).toBeNull()
  expect(parseLoudness('nothing')).toBeNull()
})
