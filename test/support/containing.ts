// vitest types its asymmetric matchers as any; these are the same with a type that the checks can follow.

import { expect } from 'vitest';

export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

export function matching(text: RegExp): unknown {
  return expect.stringMatching(text);
}
