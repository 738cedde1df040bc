// Finds out what an S3 store can do by trying it, with a few objects below probe/ that are removed again.
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type StorageClass,
} from '@aws-sdk/client-s3'
import { toMirrorError } from '../core/errors.ts'
import { isAws } from '../core/is-aws.ts'
import { CAPABILITY_IDS, type CapabilityAnswer, type CapabilityId, type CapabilityMatrix } from './capabilities.ts'
import { createS3Client, hasStatus, isRefusal, S3Refusal, toStoreFailure } from './s3-client.ts'
import { ConditionCheck } from './s3-conditions.ts'
import { S3ProbeObjects } from './s3-probe-objects.ts'
import { describePlace, type S3Settings } from './s3-settings.ts'

/** Clocks may differ by 15 minutes; this much is worth a word. */
const SKEW_MS = 60_000
const RACERS = 8
const CHECK_TIMEOUT_MS = 60_000
/** AWS's names; other stores may know more of their own. */
const CLASSES = ['STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'] as const

const YES: CapabilityAnswer = { outcome: 'yes', note: '' }
const no = (note: string): CapabilityAnswer => ({ outcome: 'no', note })
const yes = (note: string): CapabilityAnswer => ({ outcome: 'yes', note })

export interface ProbeHost {
  readonly signal: AbortSignal
  readonly nowMs: () => number
  readonly randomId: () => string
}

/** About 80 requests and 20 MB up. Never rejects but for an abort: what fails is part of the answer. */
export async function probeS3(settings: S3Settings, { signal, nowMs, randomId }: ProbeHost): Promise<CapabilityMatrix> {
  const startedAtMs = nowMs()
  const client = createS3Client(settings)
  const objects = new S3ProbeObjects(client, settings, randomId)
  const answers = new Map<CapabilityId, CapabilityAnswer>()
  try {
    for (const [id, check] of Object.entries(checks(objects, settings, { nowMs, randomId })) as [
      CapabilityId,
      Check,
    ][]) {
      const isHopeless = answers.get('reach')?.outcome === 'no' || answers.get('write')?.outcome === 'no'
      answers.set(
        id,
        isHopeless ? { outcome: 'unknown', note: 'not tried' } : await answer(check, settings, signal, nowMs),
      )
    }
  } finally {
    await objects.removeAll(AbortSignal.timeout(CHECK_TIMEOUT_MS))
    client.destroy()
  }
  const unknown: CapabilityAnswer = { outcome: 'unknown', note: 'not tried' }
  return {
    version: 1,
    place: describePlace(settings),
    probedAtMs: startedAtMs,
    tookMs: nowMs() - startedAtMs,
    answers: Object.fromEntries(CAPABILITY_IDS.map((id) => [id, answers.get(id) ?? unknown])) as Record<
      CapabilityId,
      CapabilityAnswer
    >,
  }
}

type Check = (signal: AbortSignal) => Promise<CapabilityAnswer>

async function answer(
  check: Check,
  settings: S3Settings,
  signal: AbortSignal,
  nowMs: () => number,
): Promise<CapabilityAnswer> {
  try {
    return await check(AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]))
  } catch (error) {
    signal.throwIfAborted()
    const { message } = toMirrorError(toStoreFailure(error, settings, nowMs()))
    const isRefused = error instanceof S3Refusal && error.fault.status !== null && error.fault.status < 500
    // Without an answer nothing is known; the first check tells why there is none.
    const isNo = isRefused || (error instanceof S3Refusal && error.fault.status === 501)
    return { outcome: isNo ? 'no' : 'unknown', note: message.replace(`${describePlace(settings)}: `, '') }
  }
}

function checks(
  objects: S3ProbeObjects,
  settings: S3Settings,
  { nowMs, randomId }: Pick<ProbeHost, 'nowMs' | 'randomId'>,
): Record<CapabilityId, Check> {
  const bucket = { Bucket: settings.bucket }
  return {
    async reach(signal) {
      try {
        await objects.ask('HeadBucket', signal, (s3, by) => s3.send(new HeadBucketCommand(bucket), by))
        return YES
      } catch (error) {
        if (error instanceof S3Refusal && error.fault.status === null) {
          const { message } = toMirrorError(toStoreFailure(error, settings, nowMs()))
          return no(message.replace(`${describePlace(settings)}: `, ''))
        }
        throw error
      }
    },
    async write(signal) {
      const name = await objects.put(signal, 'object', { Body: 'hello', ContentType: 'text/plain' })
      const text = await objects.text(signal, name)
      return text === 'hello' ? YES : no(`it came back as ${text.length} characters`)
    },
    async range(signal) {
      const name = await objects.put(signal, 'range', { Body: '0123456789' })
      const text = await objects.text(signal, name, 'bytes=3-5')
      return text === '345' ? YES : no(`bytes 3-5 came back as "${text.slice(0, 20)}"`)
    },
    async list(signal) {
      const names = ['l/b/1', 'l/b-1', 'l/B', 'l/é', 'l/😀', 'l/\uffee'] as const
      for (const name of names) await objects.put(signal, name, { Body: '1' })
      const expected = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      const listed = await objects.list(signal, 'l/')
      if (listed.join() === expected.join()) return YES
      return no(
        listed.length === expected.length ? 'in another order' : `${listed.length} of ${expected.length} listed`,
      )
    },
    async awkwardKeys(signal) {
      const names = ['k/a b', 'k/a+b', 'k/100%', "k/it's", 'k/q?x=1&y', 'k/東京', 'k/...', 'k/~', 'k/#1'] as const
      for (const name of names) await objects.put(signal, name, { Body: name })
      const lost = []
      for (const name of names) if ((await objects.text(signal, name)) !== name) lost.push(name)
      const listed = await objects.list(signal, 'k/')
      lost.push(...names.filter((name) => !listed.includes(name)))
      return lost.length === 0 ? YES : no([...new Set(lost)].join(' '))
    },
    async delete(signal) {
      const name = await objects.put(signal, 'delete', { Body: '1' })
      await objects.remove(signal, name)
      await objects.remove(signal, name)
      return (await objects.exists(signal, name)) ? no('it is still there') : YES
    },
    async multipart(signal) {
      const parts = [objects.filler(0), new Uint8Array(1000)]
      await objects.putParts(signal, 'parts', parts)
      const { output } = await objects.ask('HeadObject', signal, (s3, by) =>
        s3.send(new HeadObjectCommand(objects.name('parts')), by),
      )
      const size = objects.filler(0).byteLength + 1000
      return output.ContentLength === size ? YES : no(`${output.ContentLength} of ${size} bytes`)
    },
    async conditionalCreate(signal) {
      const create = async (n: number): Promise<boolean> => {
        try {
          await objects.put(signal, 'race', { Body: `${n}`, IfNoneMatch: '*' })
          return true
        } catch (error) {
          if (hasStatus(error, 412) || hasStatus(error, 409)) return false
          throw error
        }
      }
      const wins = (await Promise.all(Array.from({ length: RACERS }, (_, n) => create(n)))).filter(Boolean).length
      return wins === 1 ? YES : no(`${wins} of ${RACERS} won`)
    },
    async conditionalReplace(signal) {
      const client = createS3Client(settings)
      try {
        const form = await new ConditionCheck(client, settings, randomId, null).onReplace(signal)
        if (form === null) return no('If-Match is ignored or never holds')
        return form === 'quoted' ? YES : yes('it compares etags without their quotes')
      } finally {
        client.destroy()
      }
    },
    async conditionalComplete(signal) {
      await objects.put(signal, 'complete', { Body: '1' })
      try {
        await objects.putParts(signal, 'complete', [new Uint8Array(10)], '*')
        return no('it is ignored there')
      } catch (error) {
        if (hasStatus(error, 412)) return YES
        throw error
      }
    },
    async unequalParts(signal) {
      await objects.putParts(signal, 'unequal', [objects.filler(2 ** 20), objects.filler(0), new Uint8Array(10)])
      return YES
    },
    async batchDelete(signal) {
      const names = ['b/1', 'b/2'] as const
      for (const name of names) await objects.put(signal, name, { Body: '1' })
      const Objects = [...names, 'b/3'].map((name) => ({ Key: objects.name(name).Key }))
      await objects.ask('DeleteObjects', signal, (s3, by) =>
        s3.send(new DeleteObjectsCommand({ ...bucket, Delete: { Objects } }), by),
      )
      return (await objects.list(signal, 'b/')).length === 0 ? YES : no('they are still there')
    },
    async copy(signal) {
      objects.note('to')
      const from = objects.name(await objects.put(signal, 'from', { Body: 'copied' }))
      const source = encodeURIComponent(`${from.Bucket}/${from.Key}`)
      await objects.ask('CopyObject', signal, (s3, by) =>
        s3.send(new CopyObjectCommand({ ...objects.name('to'), CopySource: source }), by),
      )
      return (await objects.text(signal, 'to')) === 'copied' ? YES : no('the copy differs')
    },
    async rejectsDamage(signal) {
      const ContentMD5 = createHash('md5').update('meant').digest('base64')
      try {
        await objects.put(signal, 'damaged', { Body: 'damaged', ContentMD5 })
        return no('a wrong Content-MD5 is taken')
      } catch (error) {
        if (hasStatus(error, 400)) return YES
        throw error
      }
    },
    async keepsChecksum(signal) {
      const ChecksumSHA256 = createHash('sha256').update('sum').digest('base64')
      const name = await objects.put(signal, 'sum', { Body: 'sum', ChecksumSHA256 })
      const command = new HeadObjectCommand({ ...objects.name(name), ChecksumMode: 'ENABLED' })
      const { output } = await objects.ask('HeadObject', signal, (s3, by) => s3.send(command, by))
      return output.ChecksumSHA256 === ChecksumSHA256 ? YES : no('it is not told again')
    },
    async sdkChecksums(signal) {
      if (isAws(settings.endpoint)) return YES
      await objects.put(signal, 'crc', { Body: 'crc', ChecksumAlgorithm: 'CRC32' })
      return YES
    },
    async storageClasses(signal) {
      const own = [settings.storageClass, ...Object.values(settings.tierClasses ?? {})]
      const wanted = new Set([...CLASSES, ...own.filter((each) => each !== null && each !== 'STANDARD')])
      const found = []
      for (const each of wanted) if (await objects.keepsClass(signal, each as StorageClass)) found.push(each)
      return found.length > 0 ? yes(found.join(', ')) : no('none of AWS’s')
    },
    async versioning(signal) {
      const { output } = await objects.ask('GetBucketVersioning', signal, (s3, by) =>
        s3.send(new GetBucketVersioningCommand(bucket), by),
      )
      return output.Status === 'Enabled' ? YES : no('it is off')
    },
    async objectLock(signal) {
      const command = new GetObjectLockConfigurationCommand(bucket)
      const known = await objects.isConfigured('GetObjectLockConfiguration', signal, (s3, by) => s3.send(command, by))
      return known === 'set' ? YES : no('it was not turned on when the bucket was made')
    },
    async lifecycle(signal) {
      const command = new GetBucketLifecycleConfigurationCommand(bucket)
      return yes(
        await objects.isConfigured('GetBucketLifecycleConfiguration', signal, (s3, by) => s3.send(command, by)),
      )
    },
    async cors(signal) {
      return yes(
        await objects.isConfigured('GetBucketCors', signal, (s3, by) => s3.send(new GetBucketCorsCommand(bucket), by)),
      )
    },
    async hostStyle(signal) {
      if (!settings.pathStyle) return YES
      // The SDK leaves the bucket in the path where there is no name to put it before.
      if (settings.endpoint !== null && isIP(new URL(settings.endpoint).hostname.replace(/[[\]]/g, '')) !== 0) {
        return no('its address is a number')
      }
      const other = createS3Client({ ...settings, pathStyle: false })
      const there = new S3ProbeObjects(other, settings, () => 'style')
      try {
        await there.ask('HeadBucket', signal, (s3, by) => s3.send(new HeadBucketCommand(bucket), by))
        return YES
      } catch (error) {
        if (error instanceof S3Refusal) return no(error.fault.systemCode ?? String(error.fault.status))
        throw error
      } finally {
        other.destroy()
      }
    },
    async clock(signal) {
      const sentAtMs = nowMs()
      try {
        await objects.ask('HeadObject', signal, (s3, by) => s3.send(new HeadObjectCommand(objects.name('nothing')), by))
      } catch (error) {
        if (!isRefusal(error, 'NotFound', 'NoSuchKey') && !hasStatus(error, 404)) throw error
        const { serverTimeMs } = error.fault
        if (serverTimeMs === null) return { outcome: 'unknown', note: 'it tells no time' }
        const skewMs = Math.abs(serverTimeMs - sentAtMs)
        return skewMs < SKEW_MS ? YES : no(`${Math.round(skewMs / 1000)} s away from ours`)
      }
      return { outcome: 'unknown', note: 'an object that nobody wrote is there' }
    },
  }
}
