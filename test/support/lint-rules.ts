/**
 * Rules of hls-lint that measure how fast something came. Where the machine is short of breath the encoder is late as well,
 * and so is the judge.
 */
export const BY_THE_CLOCK: ReadonlySet<string> = new Set([
  'part-in-time',
  'segment-in-time',
  'hint-full-speed',
  'probe-far-ahead',
  'hold-limit',
])
