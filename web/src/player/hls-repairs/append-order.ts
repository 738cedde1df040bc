// Appends out of order. hls.js queues what it does to each source buffer; a finished append is taken from its queue when
// `updateend` arrives. To wait for all appends of a fragment it puts blockers into the queues concerned, and then takes the
// first operation from the queue of *every* buffer that is not updating. Audio that has just been appended and whose
// `updateend` is still on its way is such a buffer: its next append begins, the late `updateend` is taken for the end of
// that one, and the one after is refused by the browser because the buffer is busy, and dropped.

export type BufferType = 'audio' | 'video' | 'audiovideo'

/** Private methods of `BufferController`. */
export interface BufferSteps {
  currentOp(type: BufferType): { readonly label: string } | null
  stepOperationQueue(types: readonly BufferType[]): void
}

/** Only a blocker is taken from a queue out of turn; an append always ends with its own `updateend`. */
export function steppedOutOfTurn(buffers: BufferSteps, types: readonly BufferType[]): readonly BufferType[] {
  return types.filter((type) => buffers.currentOp(type)?.label.startsWith('async-blocker') === true)
}
