import { expect, it } from 'vitest';
import { createNotesBudget } from '../../../src/inspect/notes-budget.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

it('at the cap of machines the one that was heard longest ago is forgotten, and begins anew', () => {
  const budget = createNotesBudget(createFakeClock(), 2);
  for (const node of ['a', 'b', 'a', 'c']) budget.take(node, 50);
  expect(budget.take('a', 50)).toEqual({ kept: 0, isFirstOver: false });
  expect(budget.take('b', 50)).toEqual({ kept: 50, isFirstOver: false });
});
