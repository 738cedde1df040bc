// The OpenAPI 3.1 document, made from the schemas that validate.
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { ERRORS } from '../core/errors.ts'
import { problemSchema } from './system-contract.ts'

const PROBLEM_CONTENT = { 'application/problem+json': { schema: problemSchema } }

/** Every route may answer with a problem; which codes exist is in docs/reference/errors.md. */
export const PROBLEMS = {
  '4xx': { description: 'The caller can correct this; `code` and `advice` say how', content: PROBLEM_CONTENT },
  '5xx': { description: 'Mirror or something it depends on failed', content: PROBLEM_CONTENT },
} as const

export const TAGS = {
  streams: 'Streams',
  events: 'Events',
  webhooks: 'Webhooks',
  recordings: 'Recordings of calls',
  assets: 'Uploaded content',
  uploads: 'Uploads',
  objects: 'Objects',
  jobs: 'Jobs',
  stores: 'Stores',
  system: 'System',
  access: 'Users and keys',
} as const

export function openApiOptions(version: string, serverUrl: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Mirror',
        version,
        description: `${DESCRIPTION}\n\n${errorTable()}`,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: serverUrl, description: 'This installation' }],
      tags: Object.values(TAGS).map((name) => ({ name })),
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, or the preset admin token' },
          session: { type: 'apiKey', in: 'cookie', name: 'mirror_session', description: 'A console session' },
        },
      },
      security: [{ apiKey: [] }, { session: [] }],
    },
    transform: createJsonSchemaTransform({}),
    transformObject: (document) => nameAnswers(pruneSchemas(createJsonSchemaTransformObject({})(document))),
  }
}

const DESCRIPTION = `Live streams, their keys, events and figures.

Roles: a **viewer** reads without secrets, an **operator** manages streams and sees keys, an **admin** manages users and
API keys. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`. Live figures and events are pushed on
the WebSocket \`/api/v1/ws\` (cookie, or \`Sec-WebSocket-Protocol: bearer, <key>\`): send
\`{"type":"subscribe","data":{"topics":["stream.<id>"]}}\`.`

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`)
  return ['| code | status | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** Each named schema comes once for reading and once for writing; the one nobody refers to is noise. */
function pruneSchemas<T extends object>(document: T): T {
  const components = 'components' in document ? (document.components as { schemas?: object }) : {}
  const schemas: Record<string, unknown> = { ...components.schemas }
  for (;;) {
    const pruned = { ...document, components: { ...components, schemas } }
    const text = JSON.stringify(pruned)
    const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`))
    if (unused.length === 0) return pruned
    for (const name of unused) delete schemas[name]
  }
}

const ANSWERS: Readonly<Record<string, string>> = {
  '200': 'The result',
  '201': 'What was made',
  '202': 'What was begun',
  '503': 'Not ready',
}

/** The generator has no words for answers whose schema is a reference. */
function nameAnswers<T extends { readonly paths?: object }>(document: T): T {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { responses } of Object.values<{ responses?: Record<string, { description: string }> }>(operations)) {
      for (const [status, answer] of Object.entries(responses ?? {})) {
        if (answer.description === 'Default Response') answer.description = ANSWERS[status] ?? answer.description
      }
    }
  }
  return document
}
