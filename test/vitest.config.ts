// The layers of tests, each a project that runs alone: npm run test:unit | test:integration | test:e2e.

import { defineConfig } from 'vitest/config';

const SECOND = 1000;
const root = new URL('..', import.meta.url).pathname;

export default defineConfig({
  root,
  test: {
    // Also where there are two cores: much of the time of integration and end-to-end tests is waiting for others, not work.
    maxWorkers: 2,
    projects: [
      {
        root,
        // One process for many files: loading the sources anew for each took more than half of the time. So these tests leave nothing behind
        // in modules or in the process; what they need of either is put back when the test has finished.
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], isolate: false, testTimeout: 30 * SECOND },
      },
      {
        root,
        test: {
          name: 'integration',
          include: ['test/{conformance,interop,crash,setup}/**/*.test.ts'],
          testTimeout: 180 * SECOND,
          hookTimeout: 300 * SECOND,
        },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/sweep.ts'],
          testTimeout: 900 * SECOND,
          hookTimeout: 1800 * SECOND,
        },
      },
    ],
  },
});
