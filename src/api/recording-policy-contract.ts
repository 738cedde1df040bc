// How long recordings of calls are kept, as it crosses the API.
import { z } from 'zod'
import { MAX_POLICY_DAYS, problemsOfTerms } from '../library/recordings/recording-policy.ts'

const DAYS_ERROR = `must be whole days from 0 to ${MAX_POLICY_DAYS}`
const days = (description: string) =>
  z.int(DAYS_ERROR).min(0, DAYS_ERROR).max(MAX_POLICY_DAYS, DAYS_ERROR).meta({ description })

const TERMS = {
  hotToWarmDays: days('Age at which recordings go to the warm tier, where the store keeps one; 0: never'),
  warmToColdDays: days('Age at which they go to the cold tier; counted from when they came in, too; 0: never'),
  retentionDays: days('Age at which they are deleted; 0: never'),
} as const

const applyToExisting = (what: string) =>
  `${what} the recordings that are there, too, by a job; nothing goes within 24 hours that was not to`

export const setRecordingPolicySchema = z
  .strictObject({
    ...TERMS,
    enabled: z.boolean().default(true).meta({ description: 'False: nothing is moved or deleted by itself' }),
    applyToExisting: z
      .boolean()
      .default(false)
      .meta({ description: applyToExisting('The retention is that of') }),
  })
  .superRefine((terms, context) => {
    for (const { field, message } of problemsOfTerms(terms)) {
      context.addIssue({ code: 'custom', path: [field], message })
    }
  })

export const resetRecordingPolicySchema = z.strictObject({
  applyToExisting: z
    .stringbool({ truthy: ['true'], falsy: ['false'] })
    .default(false)
    .meta({ description: applyToExisting('The retention of the configuration is that of') }),
})

const termsSchema = z.object({ ...TERMS, enabled: z.boolean() })

export const recordingPolicySchema = termsSchema
  .extend({
    source: z.enum(['tenant', 'configuration']).meta({ description: 'Where what applies comes from' }),
    id: z.string().nullable().meta({ description: 'Of this version; null: it is of the configuration' }),
    version: z.number().nullable(),
    active: z.boolean().meta({
      description:
        'Whether recordings are moved and deleted by themselves now; RECORDING_LIFECYCLE_ENABLED=false stops it for everybody',
    }),
    updatedAt: z.iso.datetime().nullable(),
    updatedBy: z.string().nullable(),
    defaults: z.object(TERMS).meta({ description: 'What applies without a policy of its own' }),
    history: z
      .array(
        termsSchema.extend({
          id: z.string(),
          version: z.number(),
          updatedAt: z.iso.datetime(),
          updatedBy: z.string(),
          endedAt: z.iso.datetime().nullable().meta({ description: 'Null: it applies' }),
        }),
      )
      .meta({ description: 'The newest 20 versions, newest first' }),
  })
  .meta({ id: 'RecordingPolicy' })

export const changedRecordingPolicySchema = recordingPolicySchema
  .extend({
    job: z.string().nullable().meta({ description: 'That applies it to what is there: see GET /api/v1/jobs/{id}' }),
  })
  .meta({ id: 'ChangedRecordingPolicy' })

export type RecordingPolicyOrder = z.infer<typeof setRecordingPolicySchema>
export type RecordingPolicyView = z.infer<typeof recordingPolicySchema>
export type ChangedRecordingPolicyView = z.infer<typeof changedRecordingPolicySchema>
