// What each repair means, in the words of the manual and the console. Counted per stream and cause, told by one event for
// the first and at most one in ten seconds after it.
import type { RepairCause } from './samples.ts'

export interface RepairMeaning {
  /** Media is lost to viewers; the others were mended. */
  readonly isLoss: boolean
  /** What happened and what Mirror did about it, for a person. */
  readonly meaning: string
}

export const REPAIR_CAUSES: Readonly<Record<RepairCause, RepairMeaning>> = {
  packets_lost: {
    isLoss: true,
    meaning: 'Packets from the encoder (SRT) did not come in time, however often they were asked for.',
  },
  ts_packet_lost: { isLoss: false, meaning: 'MPEG-TS packets did not arrive: the network loses some.' },
  ts_sync_lost: { isLoss: false, meaning: 'Bytes between MPEG-TS packets were none; they were skipped.' },
  ts_corrupt_pes: {
    isLoss: true,
    meaning: 'A picture, or what followed in a packet of sound, was dropped because parts of it were lost.',
  },
  timestamp_jump: {
    isLoss: false,
    meaning: 'The encoder’s clock jumped, or it began anew: players see a discontinuity.',
  },
  timestamp_backward: {
    isLoss: false,
    meaning: 'Timestamps went back a little, or media came twice; it was put in order.',
  },
  late_media: { isLoss: true, meaning: 'Media came after its time in the playlist had been published without it.' },
  sample_dropped: { isLoss: true, meaning: 'Frames that nothing can be done with, such as those before a keyframe.' },
  gop_too_long: {
    isLoss: false,
    meaning: 'No keyframe in a whole segment: it was cut at another frame. Shorten the keyframe interval.',
  },
  part_fit: { isLoss: false, meaning: 'A frame lasts longer than a part should: the frame rate is very low.' },
  clock_drift: {
    isLoss: false,
    meaning: 'The encoder’s clock runs fast or slow: wall-clock times were moved, slowly, to stay true.',
  },
  corrupt_sample: { isLoss: true, meaning: 'A frame could not be read and was dropped.' },
  track_unsupported: { isLoss: false, meaning: 'A track of a kind that is not carried was left out.' },
  track_late: { isLoss: false, meaning: 'The encoder added a track in mid-stream.' },
  track_gone: { isLoss: false, meaning: 'The encoder took a track away in mid-stream.' },
}
