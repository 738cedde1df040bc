import { expect, test } from 'vitest'
import { objectUrl, presignUrl } from './s3-presign.ts'

test('an address is signed as in the example of AWS', () => {
  // docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  const signed = presignUrl({
    method: 'GET',
    url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    nowMs: Date.UTC(2013, 4, 24),
    expiresSec: 86_400,
  })
  expect(new URL(signed).searchParams.get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  )
})

const bucket = { endpoint: null, region: 'eu-west-1', bucket: 'media', pathStyle: false, prefix: 'mirror/' }

test.each([
  [bucket, 'https://media.s3.eu-west-1.amazonaws.com/mirror/a%20b/%C3%BC%27.mp4'],
  [{ ...bucket, region: 'cn-north-1' }, 'https://media.s3.cn-north-1.amazonaws.com.cn/mirror/a%20b/%C3%BC%27.mp4'],
  [
    { ...bucket, endpoint: 'http://127.0.0.1:7480', pathStyle: true, prefix: '' },
    'http://127.0.0.1:7480/media/a%20b/%C3%BC%27.mp4',
  ],
  [{ ...bucket, endpoint: 'https://s3.example:9000' }, 'https://media.s3.example:9000/mirror/a%20b/%C3%BC%27.mp4'],
])('%j has the object at %s', (settings, address) => {
  expect(objectUrl(settings, "a b/ü'.mp4").href).toBe(address)
})
