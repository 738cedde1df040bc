import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findServer } from './find-server.ts'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'mirror-cli-'))
  await mkdir(join(data, 'secrets'))
  await writeFile(join(data, 'secrets', 'cli.json'), JSON.stringify({ url: 'http://127.0.0.1:9999', apiKey: 'local' }))
})
afterEach(() => rm(data, { recursive: true }))

test('the data folder gives address and key', async () => {
  expect(await findServer({}, { MIRROR_DATA: data })).toMatchObject({ url: 'http://127.0.0.1:9999', apiKey: 'local' })
  expect(await findServer({ data }, {})).toMatchObject({ url: 'http://127.0.0.1:9999', apiKey: 'local' })
})

test('flags win over the environment, which wins over the data folder', async () => {
  const env = { MIRROR_DATA: data, MIRROR_URL: 'http://env:1/', MIRROR_API_KEY: 'from-env' }
  expect(await findServer({}, env)).toMatchObject({ url: 'http://env:1', apiKey: 'from-env' })
  expect(await findServer({ url: 'http://flag:2', apiKey: 'f' }, env)).toMatchObject({
    url: 'http://flag:2',
    apiKey: 'f',
  })
  expect(await findServer({}, { MIRROR_DATA: data, MIRROR_ADMIN_TOKEN: 'token' })).toMatchObject({ apiKey: 'token' })
})

test('the key of the data folder is never sent to an address that somebody names', async () => {
  expect((await findServer({ url: 'http://evil.test' }, { MIRROR_DATA: data })).apiKey).toBeNull()
  expect((await findServer({}, { MIRROR_DATA: data, MIRROR_URL: 'http://evil.test' })).apiKey).toBeNull()
  expect((await findServer({}, { MIRROR_DATA: data, MIRROR_API_PORT: '9999' })).apiKey).toBe('local')
})

test('without anything it is the default port, and an unreadable file counts as none', async () => {
  await writeFile(join(data, 'secrets', 'cli.json'), '{"url"')
  expect(await findServer({}, { MIRROR_DATA: data, MIRROR_URL: '' })).toEqual({
    url: 'http://127.0.0.1:8080',
    apiKey: null,
    source: 'the default',
  })
})
