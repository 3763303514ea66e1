import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextFree, poolHas } from '../../../../src/install/addresses/pool-decide.ts';

const POOL = { network: '10.0.0.0/29', first: '10.0.0.1', last: '10.0.0.6', gateway: '10.0.0.1', dns: '10.0.0.3' };

test('the lowest is given that nobody has and that is neither gateway nor DNS server', () => {
  expect(nextFree(POOL, new Set())).toBe('10.0.0.2');
  expect(nextFree(POOL, new Set(['10.0.0.2']))).toBe('10.0.0.4');
  expect(nextFree(POOL, new Set(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']))).toBeUndefined();
});

test('network and broadcast addresses are never given, nor what lies outside of the network', () => {
  const wide = { ...POOL, first: '10.0.0.0', last: '10.0.0.20' };
  const given: string[] = [];
  for (let next = nextFree(wide, new Set()); next !== undefined; next = nextFree(wide, new Set(given))) given.push(next);
  expect(given).toEqual(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
});

test('what is given is what the pool has', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10 }).map((last) => `10.0.0.${last}`)), (taken) => {
      const next = nextFree(POOL, new Set(taken));
      expect(next === undefined || (poolHas(POOL, next) && !taken.includes(next))).toBe(true);
    }),
  );
  expect(['10.0.0.0', '10.0.0.1', '10.0.0.3', '10.0.0.7', '10.0.0.9', 'x'].filter((address) => poolHas(POOL, address))).toEqual([]);
});
