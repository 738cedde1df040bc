// What a job of MediaConvert says of itself, in Mirror's words. Pure.
import type { Job } from '@aws-sdk/client-mediaconvert'

export type ConversionState =
  /** It stands in a queue, or runs; `percent` is null where AWS cannot know. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'running'; readonly percent: number | null }
  /** All files are in the bucket. */
  | { readonly kind: 'made' }
  | { readonly kind: 'failed'; readonly reason: string }

export type JobReport = Pick<Job, 'Status' | 'JobPercentComplete' | 'ErrorCode' | 'ErrorMessage'>

const MAX_REASON_LETTERS = 1000

/** States: https://docs.aws.amazon.com/mediaconvert/latest/apireference/jobs-id.html (2026-11). */
export function conversionState({ Status, JobPercentComplete, ErrorCode, ErrorMessage }: JobReport): ConversionState {
  switch (Status) {
    case 'SUBMITTED':
      return { kind: 'waiting' }
    case 'COMPLETE':
      return { kind: 'made' }
    case 'CANCELED':
      return { kind: 'failed', reason: 'the job was cancelled at AWS' }
    case 'ERROR': {
      const said = ErrorMessage?.trim().slice(0, MAX_REASON_LETTERS) || 'AWS does not say why'
      return { kind: 'failed', reason: ErrorCode === undefined ? said : `${said} (error ${ErrorCode})` }
    }
    default:
      // A state that is new to us has not ended, for all that is known.
      return { kind: 'running', percent: JobPercentComplete ?? null }
  }
}
