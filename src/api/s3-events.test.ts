import { expect, test } from 'vitest'
import { readS3Events } from './s3-events.ts'

const record = (eventName: string, key: string, sequencer?: string) => ({
  ...{ eventVersion: '2.2', eventSource: 'ceph:s3', awsRegion: '', eventTime: '2026-11-22T00:00:00Z', eventName },
  s3: { s3SchemaVersion: '1.0', bucket: { name: 'media' }, object: { key, size: 7, eTag: 'x', sequencer } },
})

test('records of AWS and of Ceph tell of new objects, whose keys may be escaped or not', () => {
  const body = {
    Records: [record('ObjectCreated:Put', 'in/default/a+b%C3%BC.mp4', '05'), record('ObjectRemoved:Delete', 'x')],
  }
  expect(readS3Events(body)).toEqual([
    { bucket: 'media', keys: ['in/default/a bü.mp4', 'in/default/a+b%C3%BC.mp4'], sequencer: '05' },
  ])
  expect(readS3Events({ Records: [record('s3:ObjectCreated:CompleteMultipartUpload', '50%')] })).toEqual([
    { bucket: 'media', keys: ['50%', '50%'], sequencer: null },
  ])
})

test('they may come through SNS, or through EventBridge', () => {
  const Message = JSON.stringify({ Records: [record('ObjectCreated:Put', 'a', '1')] })
  const wrapped = { Type: 'Notification', MessageId: 'm', Message }
  expect(readS3Events(wrapped)).toHaveLength(1)
  expect(readS3Events(JSON.stringify(wrapped))).toHaveLength(1)
  const detail = { version: '0', bucket: { name: 'media' }, object: { key: 'a', size: 1, etag: 'x', sequencer: '1' } }
  expect(readS3Events({ 'detail-type': 'Object Created', source: 'aws.s3', detail })).toEqual([
    { bucket: 'media', keys: ['a', 'a'], sequencer: '1' },
  ])
  expect(readS3Events({ 'detail-type': 'Object Deleted', detail })).toEqual([])
  expect(readS3Events({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'media' })).toEqual([])
})

test.each([null, 'text', {}, { Records: [{}] }, { Type: 'Notification', Message: 'x' }, { Records: 'x' }])(
  '%j is none',
  (body) => {
    expect(readS3Events(body)).toBeNull()
  },
)
