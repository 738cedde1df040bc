// What the PBX said of a call against what its bytes say. Pure.
import type { RecordingClaims, RecordingIssue } from './recording.ts'

export interface MeasuredSound {
  readonly durationMs: number
  readonly channels: number | null
  /** As the bytes show; null: they do not. */
  readonly format: string | null
}

/** A PBX counts whole seconds, from answer to hangup; a recording may begin and end a moment beside that. */
const TOLERANCE_MS = 2000
/** Clocks of sound cards and gateways differ by far less than this; over hours it adds up. */
const TOLERANCE_SHARE = 0.01

export function compareWithSaid(said: RecordingClaims, measured: MeasuredSound): readonly RecordingIssue[] {
  return [...durationIssues(said, measured), ...channelIssues(said, measured), ...formatIssues(said, measured)]
}

function durationIssues({ durationSec }: RecordingClaims, { durationMs }: MeasuredSound): readonly RecordingIssue[] {
  if (durationSec === null) return []
  const missingMs = durationSec * 1000 - durationMs
  if (Math.abs(missingMs) <= Math.max(TOLERANCE_MS, durationSec * 1000 * TOLERANCE_SHARE)) return []
  const said = `The call lasted ${seconds(durationSec * 1000)} s as it was said, its recording ${seconds(durationMs)} s`
  return [{ kind: missingMs > 0 ? 'truncated' : 'longer', message: said }]
}

function channelIssues(said: RecordingClaims, { channels }: MeasuredSound): readonly RecordingIssue[] {
  if (said.channels === null || channels === null || said.channels === channels) return []
  return [{ kind: 'channels', message: `${said.channels} channels were said, ${channels} are there` }]
}

function formatIssues(said: RecordingClaims, { format }: MeasuredSound): readonly RecordingIssue[] {
  if (said.format === null || format === null || nameOf(said.format) === nameOf(format)) return []
  return [{ kind: 'format', message: `It was said to be ${said.format}, its bytes are ${format}` }]
}

/** Names that mean the same: what a PBX writes beside what the bytes are called by. */
const SAME: Readonly<Record<string, string>> = {
  ...{ wave: 'wav', rf64: 'wav', mpeg: 'mp3', mpga: 'mp3', oga: 'ogg', opus: 'ogg', m4a: 'mp4', aac: 'aac' },
  ...{ m4v: 'mp4', mov: 'mp4', mka: 'mkv', matroska: 'mkv', webm: 'webm', aif: 'aiff', aifc: 'aiff' },
}

function nameOf(format: string): string {
  const name = format.toLowerCase().replace(/^(?:audio|video)\/(?:x-)?|^\./, '')
  return SAME[name] ?? name
}

function seconds(ms: number): string {
  return String(Math.round(ms / 100) / 10)
}
