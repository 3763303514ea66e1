import { expect, it } from 'vitest';
import { mapInSlices } from '../../../src/lib/index.ts';

it('maps in order, and lets others have their turn between slices', async () => {
  const seen: string[] = [];
  const turn = (): void => void setImmediate(() => seen.push('other'));
  turn();
  const mapped = await mapInSlices([1, 2, 3, 4, 5], 2, (number) => {
    seen.push(String(number));
    if (number === 2) turn();
    return number * 10;
  });
  expect(mapped).toEqual([10, 20, 30, 40, 50]);
  expect(seen).toEqual(['1', '2', 'other', 'other', '3', '4', '5']);
});

it('has nothing to do with nothing', async () => {
  expect(await mapInSlices([], 2, String)).toEqual([]);
});
