// The shapes of stores as they cross the API; part of contract.ts.
import { z } from 'zod'
import { CAPABILITY_IDS, OUTCOMES } from '../storage/capabilities.ts'
import { STORE_ROLES } from '../storage/store-place.ts'

/** The store of the configuration; nobody else can have this name. */
export const DEFAULT_STORE = 'default'

const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1–63 lower-case letters, digits or hyphens')
  .refine((name) => name !== DEFAULT_STORE, { error: 'is the store of the configuration; choose another name' })

const rolesSchema = z
  .array(z.enum(STORE_ROLES))
  .min(1)
  .refine((roles) => new Set(roles).size === roles.length, { error: 'must name each role once' })
  .meta({ description: 'What it may be used for; left out: everything' })

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, pathname, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + password + search + hash === '' && pathname === '/'
}

const folderSchema = z.strictObject({
  path: z
    .string()
    .max(4096)
    .regex(/^\/[^\p{Cc}]*$/u, 'must be the absolute path of a folder on the machine that runs Mirror'),
})

const bucketShape = {
  endpoint: z
    .string()
    .max(500)
    .refine(isEndpoint, { error: 'must be an http(s):// address without path, query or password' })
    .overwrite((text) => text.replace(/\/$/, ''))
    .nullable()
    .default(null)
    .meta({ description: 'Null: AWS', example: 'https://s3.example' }),
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a region')
    .default('us-east-1'),
  bucket: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}$/, 'must be the name of a bucket')
    .meta({ example: 'media' }),
  prefix: z
    .string()
    .regex(
      /^(?![/])(?!.*(?:^|[/])[.]{1,2}(?:[/]|$))(?!.*[/]{2})[\x20-\x7e]{0,200}$/,
      'must be a folder-like text of up to 200 characters that does not start with a slash',
    )
    .default('')
    .meta({ description: 'Stands before every key', example: 'mirror/' }),
  pathStyle: z
    .boolean()
    .nullable()
    .default(null)
    .meta({ description: 'The bucket in the path of an address; null: yes with an endpoint, no with AWS' }),
  storageClass: z
    .string()
    .regex(/^[A-Z0-9_]{1,64}$/, 'must be a storage class of the store, such as STANDARD_IA')
    .nullable()
    .default(null),
}

const keySchema = z.string().regex(/^[\x21-\x7e]{1,500}$/, 'must be printable characters without spaces')

export const addStoreSchema = z
  .strictObject({
    name: nameSchema.meta({ example: 'attic' }),
    roles: rolesSchema.default([...STORE_ROLES]),
    folder: folderSchema.optional(),
    s3: z
      .strictObject({
        ...bucketShape,
        credentials: z
          .strictObject({ accessKey: keySchema, secretKey: keySchema })
          .nullable()
          .default(null)
          .meta({ description: 'Null: what the AWS SDK finds on the machine. Sealed, and never shown again' }),
      })
      .optional(),
  })
  .refine(({ folder, s3 }) => (folder === undefined) !== (s3 === undefined), {
    error: 'must have either "folder" or "s3"',
  })

const probeSchema = z.object({
  at: z.iso.datetime(),
  tookSec: z.number(),
  usable: z.boolean().meta({ description: 'Mirror can keep objects here' }),
  arbiter: z.boolean().meta({ description: 'Origins on different machines can agree through it' }),
  capabilities: z.array(
    z.object({
      id: z.enum(CAPABILITY_IDS),
      title: z.string(),
      outcome: z.enum(OUTCOMES).meta({ description: 'none: there is no such thing on stores of this kind' }),
      note: z.string(),
    }),
  ),
  advice: z.array(z.string()).meta({ description: 'What follows from what it lacks, and what to do about it' }),
})

export const storeSchema = z
  .object({
    name: z.string(),
    source: z
      .enum(['configuration', 'catalog'])
      .meta({ description: 'That of the configuration cannot be changed here' }),
    place: z.string().meta({ description: 'For a person' }),
    roles: z.array(z.enum(STORE_ROLES)),
    folder: z.object({ path: z.string() }).nullable(),
    s3: z
      .object({
        endpoint: z.string().nullable(),
        region: z.string(),
        bucket: z.string(),
        prefix: z.string(),
        pathStyle: z.boolean(),
        storageClass: z.string().nullable(),
        tls: z.boolean().meta({ description: 'What goes there is encrypted on the way' }),
        credentials: z
          .enum(['kept', 'machine', 'unreadable'])
          .meta({ description: 'machine: what the AWS SDK finds; unreadable: sealed under another secret' }),
      })
      .nullable(),
    addedAt: z.iso.datetime().nullable(),
    probe: probeSchema.nullable().meta({ description: 'Null: it never was, or the store does not answer' }),
  })
  .meta({ id: 'Store' })

export const storeListSchema = z.object({ stores: z.array(storeSchema) })

/** As it may be written, and with everything that was left out. */
export type AddStoreBody = z.input<typeof addStoreSchema>
export type StoreOrder = z.output<typeof addStoreSchema>
export type StoreView = z.infer<typeof storeSchema>
export type StoreListView = z.infer<typeof storeListSchema>
