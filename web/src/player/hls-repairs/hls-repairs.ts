// Repairs of defects of hls.js 1.7.4 by which it leaves out or puts off a part now and then, so that playback stops. Orderly
// appends and completeness matter to a viewer who was moved to an origin that is ahead, is far away or has a busy computer:
// parts take longer than they last. The loading of parts matters in a stream that has just begun. The tests beside this
// file say when a new version of hls.js has to be looked at again.
import type { HlsConfig } from 'hls.js'
import { type BufferSteps, type BufferType, steppedOutOfTurn } from './append-order.ts'
import type { FragmentTracker } from './fragment-tracker.ts'
import { repairCompleteness } from './part-completeness.ts'
import { repairEviction } from './part-eviction.ts'

type BufferController = NonNullable<HlsConfig['bufferController']>

/** The buffer controller to be used instead of `Base`; it is handed the fragment tracker, and repairs that, too. */
export function repairedBufferController(Base: BufferController): BufferController {
  const Steps = Base as unknown as new (hls: unknown, tracker: FragmentTracker) => BufferSteps
  return class extends Steps {
    constructor(hls: unknown, tracker: FragmentTracker) {
      super(hls, tracker)
      repairTracker(tracker)
    }

    override stepOperationQueue(types: readonly BufferType[]): void {
      super.stepOperationQueue(steppedOutOfTurn(this, types))
    }
  } as unknown as BufferController
}

export function repairTracker(tracker: FragmentTracker): void {
  repairCompleteness(tracker)
  repairEviction(tracker)
}
