// Which machines nothing is written to, as the configuration says it.

import { expect, it } from 'vitest';
import { observeOnly } from '../../../src/app-lifecycle.ts';

it('counts the cluster that a node names, or else the one of its profile', () => {
  const config = {
    server: { observe_only: false },
    cluster: [
      { name: 'old', observe_only: true },
      { name: 'new', observe_only: false },
    ],
    profile: [
      { name: 'kept', cluster: 'old' },
      { name: 'fresh', cluster: 'new' },
    ],
  };
  // Of the whole configuration only this is read; of a node its extra.
  const reason = observeOnly(config as unknown as Parameters<typeof observeOnly>[0]);
  const of = (extra: object) => reason({ extra } as unknown as Parameters<typeof reason>[0]);
  const refused = 'the cluster old is observe-only';
  expect([of({ cluster: 'old' }), of({ profile: 'kept' }), of({ profile: 'fresh', cluster: 'old' })]).toEqual([refused, refused, refused]);
  expect([of({}), of({ profile: 'fresh' }), of({ profile: 'kept', cluster: 'new' }), of({ profile: 'gone' })]).toEqual(
    Array(4).fill(undefined),
  );
});
