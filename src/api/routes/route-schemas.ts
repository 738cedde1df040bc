// Pieces of schemas that several routes share.
import { z } from 'zod'

/** Any text: an id that cannot exist is a stream that does not exist, 404 like the others. */
export const streamParams = z.object({ id: z.string().min(1).meta({ description: 'Stream id', example: 'studio-1' }) })

export const NOTHING = z.undefined().meta({ description: 'Done' })

/** For routes that anybody may call. */
export const NO_SECURITY: Record<string, string[]>[] = []
