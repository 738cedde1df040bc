import { defineConfig } from 'vitest/config'

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
          testTimeout: 20_000,
          globalSetup: ['test/support/s3-servers.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          globalSetup: ['test/support/s3-servers.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/s3-servers.ts'],
          fileParallelism: false,
          // Last and alone: real players and encoders on a machine that does nothing else.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
