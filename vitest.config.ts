import { defineConfig } from 'vitest/config'

/** What is awaited comes at once, or on a busy machine a little later. */
const PATIENT = { poll: { timeout: 15_000 } }

/** They judge what comes when, bring a machine to its knees, or install packages: nothing runs beside them. Others do in pairs. */
const TIMED = [
  ...[
    'bench',
    'connections',
    'determinism',
    'determinism-arbiters',
    'dvr',
    'hls-lint-others',
    'inputs',
    'kill',
    'package',
  ],
  ...['bad-input-srt', 'srt', 'srt-network', 'store-away', 'store-outage', 'timeline-races'],
].map((name) => `test/integration/${name}.test.ts`)

const INTEGRATION = {
  setupFiles: ['test/support/failure-logs.ts'],
  testTimeout: 120_000,
  expect: PATIENT,
  hookTimeout: 60_000,
  globalSetup: ['test/support/s3-servers.ts'],
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'launcher/**/*.test.ts',
            'web/src/**/*.test.{ts,tsx}',
            'test/contract/**/*.test.ts',
            'test/media/**/*.test.ts',
          ],
          // For what hangs: where a disk flushes slowly, a store that is filled needs a minute.
          testTimeout: 120_000,
          hookTimeout: 60_000,
          expect: PATIENT,
          globalSetup: ['test/support/s3-servers.ts'],
          // Two on two cores, where the default is one.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: TIMED,
          ...INTEGRATION,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration-timed',
          include: TIMED,
          ...INTEGRATION,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/support/failure-logs.ts'],
          testTimeout: 240_000,
          expect: PATIENT,
          globalSetup: ['test/support/s3-servers.ts'],
          hookTimeout: 120_000,
          fileParallelism: false,
          // Last and alone: real players and encoders on a machine that does nothing else.
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
