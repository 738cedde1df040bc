import { expect, test } from 'vitest'
import { fingerprintOf, judgeFailure, totalsOf, type UploadItem } from './upload-item.ts'

test.each([
  ['no answer', 0, 'unreachable', 'retry'],
  ['a server in trouble', 503, 'store_unavailable', 'retry'],
  ['a part that another request has overtaken', 409, 'upload_offset_wrong', 'retry'],
  ['an upload that has expired', 404, 'upload_not_found', 'retry'],
  ['a full disk', 507, 'upload_disk_full', 'refuse'],
  ['a file that is too large', 413, 'payload_too_large', 'refuse'],
  ['a login that has ended', 401, 'unauthorized', 'refuse'],
  ['too many unfinished uploads', 429, 'upload_limit', 'refuse'],
] as const)('%s: %s %s is answered by %s', (_, status, code, verdict) => {
  expect(judgeFailure({ status, code })).toBe(verdict)
})

test('a file is known again by folder, name, size and date, and by nothing that a reload forgets', () => {
  const file = (name: string, lastModified = 7) => new File(['x'], name, { lastModified })
  const one = fingerprintOf({ file: file('a'), folder: 'f' })
  expect(fingerprintOf({ file: file('a'), folder: 'f' })).toBe(one)
  for (const other of [
    { file: file('b'), folder: 'f' },
    { file: file('a', 8), folder: 'f' },
    { file: file('a'), folder: '' },
  ])
    expect(fingerprintOf(other)).not.toBe(one)
})

test('what is refused does not keep the whole from being done', () => {
  const item = (state: UploadItem['state'], sentBytes: number): UploadItem => ({
    ...{ id: 1, file: new File(['0123456789'], 'a'), folder: '', state, sentBytes },
    ...{ resumedAtBytes: 0, problem: null, assetId: null, isDuplicate: false },
  })
  expect(totalsOf([item('done', 10), item('refused', 3), item('sending', 5)])).toEqual({
    ...{ files: 3, done: 1, refused: 1, unfinished: 1, sentBytes: 15, totalBytes: 20 },
  })
})
