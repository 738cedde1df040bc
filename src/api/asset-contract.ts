// The shapes of uploaded content as they cross the API; part of contract.ts.
import { z } from 'zod'
import { MAX_LINK_MS, MIN_LINK_MS } from '../core/signed-link.ts'
import { ASSET_STATUSES } from '../library/assets/asset.ts'
import { MAX_NAME_LETTERS } from '../library/assets/asset-name.ts'
import { MEDIA_KINDS } from '../library/intake/sniffed-type.ts'

const MAX_TAGS = 50
const MAX_METADATA_BYTES = 16 * 1024

export const tagSchema = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc},]*$/u, 'must have no comma and no control characters')

const nameSchema = z.string().trim().min(1).max(MAX_NAME_LETTERS).meta({ example: 'harbour.jpg' })
const folderSchema = z.string().max(500).meta({ description: 'Empty: at the top', example: 'photos/2026' })
const tagsSchema = z.array(tagSchema).max(MAX_TAGS)
const metadataSchema = z
  .record(z.string().min(1).max(100), z.unknown())
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
    error: `must be at most ${MAX_METADATA_BYTES} bytes`,
  })
  .meta({ description: 'Whatever you want to keep with it' })

/** Fields of a form, before or behind its file. */
export const assetFieldsSchema = z.strictObject({
  name: nameSchema.optional().meta({ description: 'Omitted: the name of the file' }),
  folder: folderSchema.default(''),
  tags: tagsSchema.default([]),
  metadata: metadataSchema.default({}),
})

/** JSON instead of a form: Mirror fetches it. */
export const pullAssetSchema = assetFieldsSchema.extend({
  url: z
    .string()
    .max(2048)
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? '') && !/\p{Cc}|\s/u.test(text), {
      error: 'must be an http:// or https:// address',
    })
    .meta({ example: 'https://camera.example/clips/7.mp4' }),
})

/** For the description of the route alone: which of the two it is, its Content-Type says. */
export const uploadAssetSchema = pullAssetSchema
  .extend({
    url: z.string().optional().meta({ description: 'JSON only: Mirror fetches it from there' }),
    file: z.string().optional().meta({ description: 'Form only; fields may stand before and behind it' }),
  })
  .meta({ id: 'AssetUpload' })

export const patchAssetSchema = z
  .strictObject({ name: nameSchema, folder: folderSchema, tags: tagsSchema, metadata: metadataSchema })
  .partial()

export const processAssetSchema = z
  .strictObject({ fromStart: z.boolean().default(false).meta({ description: 'False: from the step that failed' }) })
  .default({ fromStart: false })

const renditionSchema = z.object({
  name: z.string().meta({ example: 'thumbnail' }),
  contentType: z.string(),
  sizeBytes: z.number(),
  sha256: z.string(),
  width: z.number().nullable(),
  height: z.number().nullable(),
  path: z.string().meta({ description: 'Of this API; for others ask for a link' }),
})

export const assetSchema = z
  .object({
    id: z.string(),
    tenant: z.string(),
    name: z.string(),
    extension: z.string(),
    folder: z.string(),
    kind: z.enum(MEDIA_KINDS).meta({ description: 'By its bytes' }),
    format: z.string(),
    contentType: z.string(),
    sizeBytes: z.number(),
    sha256: z.string(),
    status: z.enum(ASSET_STATUSES),
    percent: z.number().meta({ description: 'Of its processing' }),
    step: z
      .object({
        ...{ name: z.string(), index: z.number(), count: z.number() },
        percent: z.number().nullable().meta({ description: 'Of this step, where it is known' }),
      })
      .nullable()
      .meta({ description: 'What is being done, or what failed' }),
    failure: z.object({ step: z.string(), code: z.string(), message: z.string() }).nullable(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
    facts: z.record(z.string(), z.unknown()).meta({
      description:
        'Found in its bytes. Of a picture: width, height, format, colour space, EXIF, blurhash, colour. Of sound and video: container, durationSec, bitRate, width, height, video, audio, streams, tags, loudness',
    }),
    renditions: z.array(renditionSchema),
    storageKey: z.string().meta({ description: 'Of the original in the store' }),
    playback: z
      .object({
        hls: z.string().meta({ description: 'Plays it for whoever has this address, until it expires' }),
        expiresAt: z.iso.datetime(),
      })
      .nullable()
      .meta({ description: 'Of sound and video, once it can be played; ask again for a later time' }),
    uploadedAt: z.iso.datetime(),
    processedAt: z.iso.datetime().nullable(),
    deletedAt: z.iso.datetime().nullable().meta({ description: 'In the trash since then' }),
    scheduledDeletionAt: z.iso.datetime().nullable().meta({ description: 'When the trash is emptied of it' }),
    trashSec: z
      .number()
      .meta({ description: 'How long it stays in the trash once somebody deletes it; until then it is kept' }),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Asset' })

export const uploadedAssetSchema = z
  .object({
    asset: assetSchema,
    duplicate: z.boolean().meta({ description: 'You had these bytes already: this is that asset, as it was' }),
  })
  .meta({ id: 'UploadedAsset' })

const size = z.coerce.number().int().min(0)

export const assetQuerySchema = z.strictObject({
  q: z.string().max(200).optional().meta({ description: 'Words of its name or tags, or their beginnings' }),
  kind: z.enum(MEDIA_KINDS).optional(),
  status: z.enum(ASSET_STATUSES).optional(),
  tag: z
    .union([tagSchema.transform((tag) => [tag]), z.array(tagSchema).max(MAX_TAGS)])
    .optional()
    .meta({ description: 'Several: all of them' }),
  folder: folderSchema.optional().meta({ description: 'Exactly this one' }),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'Uploaded then or later' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Uploaded before' }),
  minBytes: size.optional(),
  maxBytes: size.optional(),
  trash: z.stringbool().default(false).meta({ description: 'What was deleted, instead of what was not' }),
  cursor: z.string().max(200).optional().meta({ description: '`nextCursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
})

export const assetPageSchema = z.object({
  assets: z.array(assetSchema).meta({ description: 'Newest first' }),
  nextCursor: z.string().nullable().meta({ description: 'Null: there is no more' }),
})

export const assetLabelsSchema = z
  .object({
    folders: z.array(z.string()).meta({ description: 'Empty: the top' }),
    tags: z.array(z.string()),
  })
  .meta({ id: 'AssetLabels', description: 'In order, at most 1,000 of each' })

export const assetLinkQuerySchema = z.strictObject({
  rendition: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Omitted: the original; `hls`: an address for players' }),
  expiresIn: z.coerce
    .number()
    .int()
    .min(MIN_LINK_MS / 1000)
    .max(MAX_LINK_MS / 1000)
    .default(3600)
    .meta({ description: 'Seconds' }),
})

export const assetLinkSchema = z.object({
  url: z.string().meta({ description: 'Opens it for whoever has it' }),
  expiresIn: z.number(),
  expiresAt: z.iso.datetime(),
})

export type AssetFields = z.output<typeof assetFieldsSchema>
export type AssetQuery = z.output<typeof assetQuerySchema>
export type PatchAssetBody = z.output<typeof patchAssetSchema>
export type AssetView = z.infer<typeof assetSchema>
export type AssetPageView = z.infer<typeof assetPageSchema>
export type UploadedAssetView = z.infer<typeof uploadedAssetSchema>
export type AssetLabelsView = z.infer<typeof assetLabelsSchema>
export type AssetLinkView = z.infer<typeof assetLinkSchema>
