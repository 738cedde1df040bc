// The disk on which Mirror works: what is about to be written there must leave room for live recordings and the database.
import { MirrorError } from '../../core/errors.ts'

/** The disk of `scratchDir`, on which live streams may be recorded and the database may lie. */
export interface ScratchDisk {
  readonly freeBytes: () => Promise<number>
  readonly keepFreeBytes: number
  /** How often what was made lies on it before it is tidied up: in the store, too. */
  readonly copies: 1 | 2
}

/** `where` is for people. Rejects with `scratch_full`. */
export async function requireRoom(
  { freeBytes, keepFreeBytes }: Pick<ScratchDisk, 'freeBytes' | 'keepFreeBytes'>,
  neededBytes: number,
  where: string,
): Promise<void> {
  const free = await freeBytes()
  if (free - neededBytes >= keepFreeBytes) return
  const missing = `${neededBytes} bytes are needed in ${where}; ${free} are free, of which ${keepFreeBytes} stay free`
  throw new MirrorError('scratch_full', `The disk is full (${missing}); it goes on by itself when there is room`)
}
