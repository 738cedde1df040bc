// Inputs of a stream as the API shows and takes them.
import { z } from 'zod'

/** A connection from an encoder. Network figures only where the protocol has them (SRT). */
export const inputSchema = z
  .object({
    protocol: z.enum(['rtmp', 'srt', 'cmaf', 'test', 'udp', 'rtp', 'pull']),
    connectedAt: z.iso.datetime(),
    receivedBytes: z.number(),
    rttMs: z.number().nullable(),
    packetsLost: z.number().nullable(),
    packetsRetransmitted: z.number().nullable(),
    packetsDropped: z.number().nullable(),
  })
  .meta({ id: 'Input' })

/** An input that a stream has at the moment: the one on air, or one that stands by. */
export const connectedInputSchema = inputSchema
  .extend({
    id: z.string().meta({ description: 'push-1, … for encoders, test-1, or the id of the configured input' }),
    configured: z.boolean(),
    role: z.enum(['active', 'standby']),
    health: z.enum(['healthy', 'silent', 'starting']),
    healthySince: z.iso.datetime().nullable(),
    bitrateBps: z.number(),
    sameFeed: z
      .boolean()
      .nullable()
      .meta({ description: 'Same frames and timestamps as the active input: a switch is seamless' }),
    pinned: z.boolean().meta({ description: 'Put on air by request: it stays there while it works' }),
  })
  .meta({ id: 'ConnectedInput' })

/** An input that Mirror runs by itself. Secrets of an address are masked. */
export const configuredInputSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['udp', 'rtp', 'pull']),
    port: z.number().nullable(),
    address: z.string().nullable(),
    url: z.string().nullable(),
    enabled: z.boolean(),
    state: z.enum(['configured', 'receiving', 'failing']),
    error: z.string().nullable().meta({ description: 'What went wrong last' }),
  })
  .meta({ id: 'ConfiguredInput' })

const datagramInputFields = {
  port: z
    .number()
    .int()
    .min(1024)
    .max(65_535)
    .meta({ description: 'UDP port, unique over all streams', example: 5004 }),
  address: z
    .string()
    .max(64)
    .nullable()
    .optional()
    .meta({ description: 'IP address to listen on, or multicast group to join; default: the address of Mirror' }),
}

export const addInputSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('udp'), ...datagramInputFields }),
  z.strictObject({ kind: z.literal('rtp'), ...datagramInputFields }),
  z.strictObject({
    kind: z.literal('pull'),
    url: z.string().min(1).max(2048).meta({ description: 'rtsp, rtsps, http, https, srt, rtmp; file for admins' }),
    enabled: z.boolean().optional().meta({ description: 'Default: true' }),
  }),
])

export const inputListSchema = z.object({
  inputs: z.array(connectedInputSchema),
  configured: z.array(configuredInputSchema).meta({ description: 'The most wanted first' }),
})

export const orderInputsSchema = z.strictObject({
  order: z
    .array(z.string().min(1).max(64))
    .max(64)
    .meta({ description: 'Every configured input, the most wanted first' }),
})

export const activatedInputSchema = z.object({ active: z.string() }).meta({ id: 'ActivatedInput' })

export type ConnectedInputView = z.infer<typeof connectedInputSchema>
export type ActivatedInputView = z.infer<typeof activatedInputSchema>
export type ConfiguredInputView = z.infer<typeof configuredInputSchema>
export type AddInputBody = z.infer<typeof addInputSchema>
export type InputListView = z.infer<typeof inputListSchema>
export type InputView = z.infer<typeof inputSchema>
