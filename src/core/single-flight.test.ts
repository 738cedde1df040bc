import { expect, test } from 'vitest'
import { SingleFlight } from './single-flight.ts'

const patient = () => new AbortController().signal

test('what several want at the same time is done once', async () => {
  const flights = new SingleFlight<number>()
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const work = async () => {
    runs += 1
    await gate.promise
    return runs
  }
  const waiting = [1, 2, 3].map(() => flights.run('a', patient(), work))
  const other = flights.run('b', patient(), async () => 7)
  gate.resolve()
  expect(await Promise.all(waiting)).toEqual([1, 1, 1])
  expect(await other).toBe(7)
  expect(flights.size).toBe(0)
})

test('a failure is told to all who waited and is not kept', async () => {
  const flights = new SingleFlight<string>()
  const failing = async () => {
    throw new Error('no')
  }
  const both = await Promise.allSettled([flights.run('a', patient(), failing), flights.run('a', patient(), failing)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await flights.run('a', patient(), async () => 'yes')).toBe('yes')
})

test('who goes is let go at once, and the work goes on for the others', async () => {
  const flights = new SingleFlight<string>()
  const gate = Promise.withResolvers<string>()
  let inner: AbortSignal | null = null
  const work = async (signal: AbortSignal) => {
    inner = signal
    return await gate.promise
  }
  const impatient = new AbortController()
  const first = flights.run('a', impatient.signal, work)
  const second = flights.run('a', patient(), work)
  await Promise.resolve()
  impatient.abort(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  expect(inner).toMatchObject({ aborted: false })
  gate.resolve('done')
  expect(await second).toBe('done')
})

test('when all have gone the work is told to stop, and who comes then starts anew', async () => {
  const flights = new SingleFlight<string>()
  const signals: AbortSignal[] = []
  const work = (signal: AbortSignal) => {
    signals.push(signal)
    return new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      if (signals.length === 2) resolve('second')
    })
  }
  const callers = [new AbortController(), new AbortController()]
  const waiting = callers.map(({ signal }) => flights.run('a', signal, work))
  await Promise.resolve()
  for (const caller of callers) caller.abort(new Error('gone'))
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(signals[0]?.aborted).toBe(true)
  expect(await flights.run('a', patient(), work)).toBe('second')
})

test('an aborted caller starts nothing', async () => {
  const flights = new SingleFlight<string>()
  await expect(
    flights.run('a', AbortSignal.abort(new Error('gone')), async () => {
      throw new Error('it was started')
    }),
  ).rejects.toThrow('gone')
})
