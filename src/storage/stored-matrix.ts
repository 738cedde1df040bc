import { z } from 'zod'
import { CAPABILITY_IDS, type CapabilityMatrix, OUTCOMES } from './capabilities.ts'
import { collect } from './collect.ts'
import { probeKey } from './keys.ts'
import type { ObjectStore } from './object-store.ts'

const KEY = probeKey('capabilities.json')
const MAX_BYTES = 64 * 1024

const answerSchema = z.object({ outcome: z.enum(OUTCOMES), note: z.string() })
const matrixSchema = z.object({
  version: z.literal(1),
  place: z.string(),
  probedAtMs: z.int(),
  tookMs: z.number(),
  answers: z.record(z.enum(CAPABILITY_IDS), answerSchema),
})

/** Keeps `matrix` in the store that it describes; what was kept there before, null when there is none that can be read. */
export async function exchangeMatrix(
  store: ObjectStore,
  matrix: CapabilityMatrix,
  signal: AbortSignal,
): Promise<CapabilityMatrix | null> {
  const before = await readMatrix(store, signal)
  const body = new TextEncoder().encode(JSON.stringify(matrix))
  await store.put(KEY, body, { signal, contentType: 'application/json' })
  return before
}

export async function readMatrix(store: ObjectStore, signal: AbortSignal): Promise<CapabilityMatrix | null> {
  await using body = await store.get(KEY, { signal })
  if (body === null || body.info.sizeBytes > MAX_BYTES) return null
  try {
    return matrixSchema.parse(JSON.parse(Buffer.from(await collect(body.chunks)).toString('utf8')))
  } catch (error) {
    // Of another version, or damaged: the next probe replaces it.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null
    throw error
  }
}
